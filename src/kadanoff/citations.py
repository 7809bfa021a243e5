"""Whom to thank: the references of the methods a study has used, as BibTeX.

`cite("wolff", "mcrg")` prints two entries, `cite()` all of them. A reference is here
only if its details are certain; DOI or arXiv number lead to the source.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

__all__ = ["REFERENCES", "Reference", "cite", "find"]


@dataclass(frozen=True)
class Reference:
    """A published source.

    Args:
        authors: names joined by ` and `, family name first.
        title: its title.
        where: journal, volume and page, or book.
        year: of publication.
        doi: without the address, empty where there is none.
        arxiv: arXiv number, empty where there is none.
    """

    authors: str
    title: str
    where: str
    year: int
    doi: str = ""
    arxiv: str = ""

    def bibtex(self, key: str) -> str:
        """The BibTeX entry under a key."""
        fields = {
            "author": self.authors,
            "title": f"{{{self.title}}}",
            "howpublished": self.where,
            "year": str(self.year),
            "doi": self.doi,
            "eprint": self.arxiv,
            "archiveprefix": "arXiv" if self.arxiv else "",
        }
        lines = (f"  {name} = {{{text}}}," for name, text in fields.items() if text)
        return "\n".join((f"@misc{{{key},", *lines, "}"))

    def __str__(self) -> str:
        names = self.authors.replace(" and ", "; ")
        found = [f"doi:{self.doi}"] * bool(self.doi)
        found += [f"arXiv:{self.arxiv}"] * bool(self.arxiv)
        return ", ".join((names, self.title, f"{self.where} ({self.year})", *found))


def find(name: str) -> Reference:
    """The reference of one method.

    Raises:
        ValueError: an unknown name; the sentence has the closest one.
    """
    if name in REFERENCES:
        return REFERENCES[name]
    wanted = name.lower()
    by_author = [key for key, r in REFERENCES.items() if wanted in r.authors.lower()]
    by_key = difflib.get_close_matches(wanted, REFERENCES, n=1, cutoff=0.4)
    close = by_key if not wanted or not by_author else by_author
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else "see cite()"
    raise ValueError(f"no reference is known for {name!r}; {hint}")


def cite(*names: str) -> str:
    """BibTeX entries of the methods named, each once, or of all.

    Raises:
        ValueError: an unknown name; the sentence has the closest one.

    >>> print(cite("onsager"))
    @misc{onsager,
      author = {Onsager, L.},
      title = {{Crystal Statistics. I. A Two-Dimensional Model with an Order-Disorder \
Transition}},
      howpublished = {Phys. Rev. 65, 117},
      year = {1944},
      doi = {10.1103/PhysRev.65.117},
    }
    """
    chosen = dict.fromkeys(names or REFERENCES)
    return "\n\n".join(find(name).bibtex(name) for name in chosen)


REFERENCES = {
    # sampling
    "metropolis": Reference(
        "Metropolis, N. and Rosenbluth, A. W. and Rosenbluth, M. N. and Teller, A. H. "
        "and Teller, E.",
        "Equation of State Calculations by Fast Computing Machines",
        "J. Chem. Phys. 21, 1087",
        1953,
        "10.1063/1.1699114",
    ),
    "swendsen-wang": Reference(
        "Swendsen, R. H. and Wang, J.-S.",
        "Nonuniversal critical dynamics in Monte Carlo simulations",
        "Phys. Rev. Lett. 58, 86",
        1987,
        "10.1103/PhysRevLett.58.86",
    ),
    "wolff": Reference(
        "Wolff, U.",
        "Collective Monte Carlo Updating for Spin Systems",
        "Phys. Rev. Lett. 62, 361",
        1989,
        "10.1103/PhysRevLett.62.361",
    ),
    "perfect": Reference(
        "Propp, J. G. and Wilson, D. B.",
        "Exact sampling with coupled Markov chains and applications to statistical "
        "mechanics",
        "Random Struct. Algorithms 9, 223",
        1996,
    ),
    "tempering": Reference(
        "Hukushima, K. and Nemoto, K.",
        "Exchange Monte Carlo Method and Application to Spin Glass Simulations",
        "J. Phys. Soc. Jpn. 65, 1604",
        1996,
        "10.1143/JPSJ.65.1604",
    ),
    "hybrid": Reference(
        "Duane, S. and Kennedy, A. D. and Pendleton, B. J. and Roweth, D.",
        "Hybrid Monte Carlo",
        "Phys. Lett. B 195, 216",
        1987,
        "10.1016/0370-2693(87)91197-X",
    ),
    "xoshiro": Reference(
        "Blackman, D. and Vigna, S.",
        "Scrambled Linear Pseudorandom Number Generators",
        "ACM Trans. Math. Softw. 47 (4), 36",
        2021,
        "10.1145/3460772",
        "1805.01407",
    ),
    # errors
    "autocorrelation": Reference(
        "Sokal, A. D.",
        "Monte Carlo Methods in Statistical Mechanics: Foundations and New Algorithms",
        "in Functional Integration: Basics and Applications, NATO ASI Series B 361, "
        "131, Plenum",
        1997,
        "10.1007/978-1-4899-0319-8_6",
    ),
    "autocorrelation-error": Reference(
        "Madras, N. and Sokal, A. D.",
        "The pivot algorithm: A highly efficient Monte Carlo method for the "
        "self-avoiding walk",
        "J. Stat. Phys. 50, 109",
        1988,
        "10.1007/BF01022990",
    ),
    "jackknife": Reference(
        "Efron, B.",
        "The Jackknife, the Bootstrap and Other Resampling Plans",
        "SIAM, Philadelphia",
        1982,
        "10.1137/1.9781611970319",
    ),
    "gelman-rubin": Reference(
        "Gelman, A. and Rubin, D. B.",
        "Inference from Iterative Simulation Using Multiple Sequences",
        "Stat. Sci. 7, 457",
        1992,
        "10.1214/ss/1177011136",
    ),
    # exact results
    "onsager": Reference(
        "Onsager, L.",
        "Crystal Statistics. I. A Two-Dimensional Model with an Order-Disorder "
        "Transition",
        "Phys. Rev. 65, 117",
        1944,
        "10.1103/PhysRev.65.117",
    ),
    "kaufman": Reference(
        "Kaufman, B.",
        "Crystal Statistics. II. Partition Function Evaluated by Spinor Analysis",
        "Phys. Rev. 76, 1232",
        1949,
        "10.1103/PhysRev.76.1232",
    ),
    "yang": Reference(
        "Yang, C. N.",
        "The Spontaneous Magnetization of a Two-Dimensional Ising Model",
        "Phys. Rev. 85, 808",
        1952,
        "10.1103/PhysRev.85.808",
    ),
    "ferdinand-fisher": Reference(
        "Ferdinand, A. E. and Fisher, M. E.",
        "Bounded and Inhomogeneous Ising Models. I. Specific-Heat Anomaly of a Finite "
        "Lattice",
        "Phys. Rev. 185, 832",
        1969,
        "10.1103/PhysRev.185.832",
    ),
    "torus-correlators": Reference(
        "Di Francesco, P. and Saleur, H. and Zuber, J.-B.",
        "Critical Ising correlation functions in the plane and on the torus",
        "Nucl. Phys. B 290, 527",
        1987,
    ),
    "density-of-states": Reference(
        "Beale, P. D.",
        "Exact Distribution of Energies in the Two-Dimensional Ising Model",
        "Phys. Rev. Lett. 76, 78",
        1996,
        "10.1103/PhysRevLett.76.78",
    ),
    # renormalization
    "block-spins": Reference(
        "Kadanoff, L. P.",
        "Scaling laws for Ising models near $T_c$",
        "Physics Physique Fizika 2, 263",
        1966,
        "10.1103/PhysicsPhysiqueFizika.2.263",
    ),
    "mcrg": Reference(
        "Swendsen, R. H.",
        "Monte Carlo Renormalization Group",
        "Phys. Rev. Lett. 42, 859",
        1979,
        "10.1103/PhysRevLett.42.859",
    ),
    "variational-mcrg": Reference(
        "Wu, Y. and Car, R.",
        "Variational Approach to Monte Carlo Renormalization Group",
        "Phys. Rev. Lett. 119, 220602",
        2017,
        "10.1103/PhysRevLett.119.220602",
    ),
    "migdal-kadanoff": Reference(
        "Kadanoff, L. P.",
        "Notes on Migdal's recursion formulas",
        "Ann. Phys. 100, 359",
        1976,
        "10.1016/0003-4916(76)90066-X",
    ),
    "niemeijer": Reference(
        "Niemeijer, Th. and van Leeuwen, J. M. J.",
        "Wilson Theory for Spin Systems on a Triangular Lattice",
        "Phys. Rev. Lett. 31, 1411",
        1973,
        "10.1103/PhysRevLett.31.1411",
    ),
    "trg": Reference(
        "Levin, M. and Nave, C. P.",
        "Tensor Renormalization Group Approach to Two-Dimensional Classical Lattice "
        "Models",
        "Phys. Rev. Lett. 99, 120601",
        2007,
        "10.1103/PhysRevLett.99.120601",
        "cond-mat/0611687",
    ),
    # networks
    "contrastive-divergence": Reference(
        "Hinton, G. E.",
        "Training Products of Experts by Minimizing Contrastive Divergence",
        "Neural Comput. 14, 1771",
        2002,
        "10.1162/089976602760128018",
    ),
    "persistent-cd": Reference(
        "Tieleman, T.",
        "Training Restricted Boltzmann Machines using Approximations to the Likelihood "
        "Gradient",
        "in Proceedings of the 25th International Conference on Machine Learning, 1064",
        2008,
        "10.1145/1390156.1390290",
    ),
    "pseudo-likelihood": Reference(
        "Besag, J.",
        "Statistical Analysis of Non-Lattice Data",
        "The Statistician 24, 179",
        1975,
        "10.2307/2987782",
    ),
    "ais": Reference(
        "Neal, R. M.",
        "Annealed importance sampling",
        "Stat. Comput. 11, 125",
        2001,
        "10.1023/A:1008923215028",
    ),
    # the question
    "mehta2014": Reference(
        "Mehta, P. and Schwab, D. J.",
        "An exact mapping between the Variational Renormalization Group and Deep "
        "Learning",
        "arXiv",
        2014,
        arxiv="1410.3831",
    ),
    "lin2017": Reference(
        "Lin, H. W. and Tegmark, M. and Rolnick, D.",
        "Why Does Deep and Cheap Learning Work So Well?",
        "J. Stat. Phys. 168, 1223",
        2017,
        "10.1007/s10955-017-1836-5",
        "1608.08225",
    ),
    "rolnick2018": Reference(
        "Rolnick, D. and Tegmark, M.",
        "The power of deeper networks for expressing natural functions",
        "International Conference on Learning Representations",
        2018,
        arxiv="1705.05502",
    ),
    "rsmi": Reference(
        "Koch-Janusz, M. and Ringel, Z.",
        "Mutual information, neural networks and the renormalization group",
        "Nat. Phys. 14, 578",
        2018,
        "10.1038/s41567-018-0081-4",
        "1704.06279",
    ),
    "demellokoch2020": Reference(
        "de Mello Koch, E. and de Mello Koch, R. and Cheng, L.",
        "Is Deep Learning a Renormalization Group Flow?",
        "IEEE Access 8, 106487",
        2020,
        "10.1109/ACCESS.2020.3000901",
        "1906.05212",
    ),
}
