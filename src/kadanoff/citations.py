"""Whom to thank: the references of the methods a study has used, as BibTeX.

`cite("wolff", "mcrg")` prints two entries, `cite()` all of them. Methods, models and
readings that rest on several sources are names in `TOPICS`: `cite("reweighting")`
prints all of theirs. A reference is here only if its details are certain; DOI or arXiv
number lead to the source.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

__all__ = ["REFERENCES", "TOPICS", "Reference", "cite", "find"]


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
    """One reference by its key.

    Raises:
        ValueError: an unknown name; the sentence has the closest one.
    """
    if name in REFERENCES:
        return REFERENCES[name]
    wanted = name.lower()
    by_author = [key for key, r in REFERENCES.items() if wanted in r.authors.lower()]
    names = [*REFERENCES, *TOPICS]
    by_key = difflib.get_close_matches(wanted, names, n=1, cutoff=0.4)
    close = by_key if not wanted or not by_author else by_author
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else "see cite()"
    raise ValueError(f"no reference is known for {name!r}; {hint}")


def cite(*names: str) -> str:
    """BibTeX entries of the methods or topics named, each once, or of all.

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
    keys = (key for name in names or REFERENCES for key in TOPICS.get(name, (name,)))
    return "\n\n".join(find(key).bibtex(key) for key in dict.fromkeys(keys))


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
    "heat-bath": Reference(
        "Glauber, R. J.",
        "Time-Dependent Statistics of the Ising Model",
        "J. Math. Phys. 4, 294",
        1963,
        "10.1063/1.1703954",
    ),
    "link-heat-bath": Reference(
        "Creutz, M.",
        "Monte Carlo study of quantized SU(2) gauge theory",
        "Phys. Rev. D 21, 2308",
        1980,
        "10.1103/PhysRevD.21.2308",
    ),
    "multi-spin-coding": Reference(
        "Jacobs, L. and Rebbi, C.",
        "Multi-spin coding: A very efficient technique for Monte Carlo simulations of "
        "spin systems",
        "J. Comput. Phys. 41, 203",
        1981,
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
    "random-clusters": Reference(
        "Fortuin, C. M. and Kasteleyn, P. W.",
        "On the random-cluster model. I. Introduction and relation to other models",
        "Physica 57, 536",
        1972,
        "10.1016/0031-8914(72)90045-6",
    ),
    "ghost-spin": Reference(
        "Griffiths, R. B.",
        "Correlations in Ising Ferromagnets. II. External Magnetic Fields",
        "J. Math. Phys. 8, 484",
        1967,
        "10.1063/1.1705220",
    ),
    "planar-pfaffian": Reference(
        "Groeneveld, J. and Boel, R. J. and Kasteleyn, P. W.",
        "Correlation-function identities for general planar Ising systems",
        "Physica A 93, 138",
        1978,
    ),
    "field-clusters": Reference(
        "Coniglio, A. and di Liberto, F. and Monroy, G. and Peruggi, F.",
        "Exact relations between droplets and thermal fluctuations in external field",
        "J. Phys. A 22, L837",
        1989,
    ),
    "perfect": Reference(
        "Propp, J. G. and Wilson, D. B.",
        "Exact sampling with coupled Markov chains and applications to statistical "
        "mechanics",
        "Random Struct. Algorithms 9, 223",
        1996,
        "10.1002/(SICI)1098-2418(199608/09)9:1/2<223::AID-RSA14>3.0.CO;2-O",
    ),
    "tempering": Reference(
        "Hukushima, K. and Nemoto, K.",
        "Exchange Monte Carlo Method and Application to Spin Glass Simulations",
        "J. Phys. Soc. Jpn. 65, 1604",
        1996,
        "10.1143/JPSJ.65.1604",
        "cond-mat/9512035",
    ),
    "hybrid": Reference(
        "Duane, S. and Kennedy, A. D. and Pendleton, B. J. and Roweth, D.",
        "Hybrid Monte Carlo",
        "Phys. Lett. B 195, 216",
        1987,
        "10.1016/0370-2693(87)91197-X",
    ),
    "hybrid-identity": Reference(
        "Creutz, M.",
        "Global Monte Carlo algorithms for many-fermion systems",
        "Phys. Rev. D 38, 1228",
        1988,
        "10.1103/PhysRevD.38.1228",
    ),
    "hybrid-acceptance": Reference(
        "Gupta, S. and Irbäck, A. and Karsch, F. and Petersson, B.",
        "The acceptance probability in the hybrid Monte Carlo method",
        "Phys. Lett. B 242, 437",
        1990,
    ),
    "sign-clusters": Reference(
        "Brower, R. C. and Tamayo, P.",
        "Embedded dynamics for φ⁴ theory",
        "Phys. Rev. Lett. 62, 1087",
        1989,
        "10.1103/PhysRevLett.62.1087",
    ),
    "over-relaxation": Reference(
        "Creutz, M.",
        "Overrelaxation and Monte Carlo simulation",
        "Phys. Rev. D 36, 515",
        1987,
        "10.1103/PhysRevD.36.515",
    ),
    "von-mises": Reference(
        "Best, D. J. and Fisher, N. I.",
        "Efficient Simulation of the von Mises Distribution",
        "Appl. Stat. 28, 152",
        1979,
        "10.2307/2346732",
    ),
    "forest-fire": Reference(
        "Drossel, B. and Schwabl, F.",
        "Self-organized critical forest-fire model",
        "Phys. Rev. Lett. 69, 1629",
        1992,
        "10.1103/PhysRevLett.69.1629",
    ),
    "forest-fire-statics": Reference(
        "Henley, C. L.",
        "Statics of a 'self-organized' percolation model",
        "Phys. Rev. Lett. 71, 2741",
        1993,
        "10.1103/PhysRevLett.71.2741",
    ),
    "forest-fire-scaling": Reference(
        "Grassberger, P.",
        "Critical behaviour of the Drossel-Schwabl forest fire model",
        "New J. Phys. 4, 17",
        2002,
        "10.1088/1367-2630/4/1/317",
        "cond-mat/0202022",
    ),
    "contact-process": Reference(
        "Harris, T. E.",
        "Contact Interactions on a Lattice",
        "Ann. Probab. 2, 969",
        1974,
        "10.1214/aop/1176996493",
    ),
    "quasi-stationary": Reference(
        "de Oliveira, M. M. and Dickman, R.",
        "How to simulate the quasistationary state",
        "Phys. Rev. E 71, 016129",
        2005,
        "10.1103/PhysRevE.71.016129",
        "cond-mat/0407797",
    ),
    "directed-percolation": Reference(
        "Hinrichsen, H.",
        "Non-equilibrium critical phenomena and phase transitions into absorbing "
        "states",
        "Adv. Phys. 49, 815",
        2000,
        "10.1080/00018730050198152",
        "cond-mat/0001070",
    ),
    "dynamic-exponent": Reference(
        "Nightingale, M. P. and Blöte, H. W. J.",
        "Dynamic Exponent of the Two-Dimensional Ising Model and Monte Carlo "
        "Computation of the Subdominant Eigenvalue from the Stochastic Matrix",
        "Phys. Rev. Lett. 76, 4548",
        1996,
        "10.1103/PhysRevLett.76.4548",
    ),
    "cubic-critical-point": Reference(
        "Ferrenberg, A. M. and Xu, J. and Landau, D. P.",
        "Pushing the limits of Monte Carlo simulations for the three-dimensional "
        "Ising model",
        "Phys. Rev. E 97, 043301",
        2018,
        "10.1103/PhysRevE.97.043301",
        "1806.03558",
    ),
    "xoshiro": Reference(
        "Blackman, D. and Vigna, S.",
        "Scrambled Linear Pseudorandom Number Generators",
        "ACM Trans. Math. Softw. 47 (4), 36",
        2021,
        "10.1145/3460772",
        "1805.01407",
    ),
    "splitmix": Reference(
        "Steele, G. L. and Lea, D. and Flood, C. H.",
        "Fast splittable pseudorandom number generators",
        "in Proceedings of OOPSLA '14, 453, ACM",
        2014,
        "10.1145/2660193.2660195",
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
    "autocorrelation-function": Reference(
        "Lüscher, M.",
        "Schwarz-preconditioned HMC algorithm for two-flavour lattice QCD",
        "Comput. Phys. Commun. 165, 199",
        2005,
        arxiv="hep-lat/0409106",
    ),
    "jackknife": Reference(
        "Efron, B.",
        "The Jackknife, the Bootstrap and Other Resampling Plans",
        "SIAM, Philadelphia",
        1982,
        "10.1137/1.9781611970319",
    ),
    "welch": Reference(
        "Welch, B. L.",
        "The generalization of 'Student's' problem when several different population "
        "variances are involved",
        "Biometrika 34, 28",
        1947,
        "10.1093/biomet/34.1-2.28",
    ),
    "satterthwaite": Reference(
        "Satterthwaite, F. E.",
        "An Approximate Distribution of Estimates of Variance Components",
        "Biometrics Bull. 2, 110",
        1946,
        "10.2307/3002019",
    ),
    "gelman-rubin": Reference(
        "Gelman, A. and Rubin, D. B.",
        "Inference from Iterative Simulation Using Multiple Sequences",
        "Stat. Sci. 7, 457",
        1992,
        "10.1214/ss/1177011136",
    ),
    # reading
    "histogram": Reference(
        "Ferrenberg, A. M. and Swendsen, R. H.",
        "New Monte Carlo technique for studying phase transitions",
        "Phys. Rev. Lett. 61, 2635",
        1988,
        "10.1103/PhysRevLett.61.2635",
    ),
    "multiple-histogram": Reference(
        "Ferrenberg, A. M. and Swendsen, R. H.",
        "Optimized Monte Carlo data analysis",
        "Phys. Rev. Lett. 63, 1195",
        1989,
        "10.1103/PhysRevLett.63.1195",
    ),
    "mbar": Reference(
        "Shirts, M. R. and Chodera, J. D.",
        "Statistically optimal analysis of samples from multiple equilibrium states",
        "J. Chem. Phys. 129, 124105",
        2008,
        "10.1063/1.2978177",
        "0801.1426",
    ),
    "overlap": Reference(
        "Klimovich, P. V. and Shirts, M. R. and Mobley, D. L.",
        "Guidelines for the analysis of free energy calculations",
        "J. Comput. Aided Mol. Des. 29, 397",
        2015,
        "10.1007/s10822-015-9840-9",
    ),
    "cluster-estimators": Reference(
        "Sweeny, M.",
        "Monte Carlo study of weighted percolation clusters relevant to the Potts "
        "models",
        "Phys. Rev. B 27, 4445",
        1983,
        "10.1103/PhysRevB.27.4445",
    ),
    "improved-estimators": Reference(
        "Wolff, U.",
        "Monte Carlo simulation of a lattice field theory as correlated percolation",
        "Nucl. Phys. B 300, 501",
        1988,
    ),
    "second-moment-length": Reference(
        "Cooper, F. and Freedman, B. and Preston, D.",
        "Solving φ⁴₁,₂ field theory with Monte Carlo",
        "Nucl. Phys. B 210, 210",
        1982,
    ),
    "binder": Reference(
        "Binder, K.",
        "Finite size scaling analysis of Ising model block distribution functions",
        "Z. Phys. B 43, 119",
        1981,
        "10.1007/BF01293604",
    ),
    "variable-projection": Reference(
        "Golub, G. H. and Pereyra, V.",
        "The Differentiation of Pseudo-Inverses and Nonlinear Least Squares Problems "
        "Whose Variables Separate",
        "SIAM J. Numer. Anal. 10, 413",
        1973,
        "10.1137/0710036",
    ),
    "inverse-covariance": Reference(
        "Hartlap, J. and Simon, P. and Schneider, P.",
        "Why your model parameter confidences might be too optimistic. Unbiased "
        "estimation of the inverse covariance matrix",
        "Astron. Astrophys. 464, 399",
        2007,
        "10.1051/0004-6361:20066170",
        "astro-ph/0608064",
    ),
    "collapse-quality": Reference(
        "Houdayer, J. and Hartmann, A. K.",
        "Low-temperature behavior of two-dimensional Gaussian Ising spin glasses",
        "Phys. Rev. B 70, 014418",
        2004,
        "10.1103/PhysRevB.70.014418",
    ),
    "small-sample-criterion": Reference(
        "Hurvich, C. M. and Tsai, C.-L.",
        "Regression and time series model selection in small samples",
        "Biometrika 76, 297",
        1989,
        "10.1093/biomet/76.2.297",
    ),
    # exact results
    "ising-chain": Reference(
        "Ising, E.",
        "Beitrag zur Theorie des Ferromagnetismus",
        "Z. Phys. 31, 253",
        1925,
        "10.1007/BF02980577",
    ),
    "transfer-matrix": Reference(
        "Kramers, H. A. and Wannier, G. H.",
        "Statistics of the Two-Dimensional Ferromagnet. Part I",
        "Phys. Rev. 60, 252",
        1941,
        "10.1103/PhysRev.60.252",
    ),
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
    "toeplitz": Reference(
        "Wu, T. T.",
        "Theory of Toeplitz Determinants and the Spin Correlations of the "
        "Two-Dimensional Ising Model. I",
        "Phys. Rev. 149, 380",
        1966,
        "10.1103/PhysRev.149.380",
    ),
    "two-dimensional-ising": Reference(
        "McCoy, B. M. and Wu, T. T.",
        "The Two-Dimensional Ising Model",
        "Harvard University Press, Cambridge, Massachusetts, 1st ed.",
        1973,
    ),
    "energy-correlations": Reference(
        "Hecht, R.",
        "Correlation Functions for the Two-Dimensional Ising Model",
        "Phys. Rev. 158, 557",
        1967,
        "10.1103/PhysRev.158.557",
    ),
    "triangular": Reference(
        "Houtappel, R. M. F.",
        "Order-disorder in hexagonal lattices",
        "Physica 16, 425",
        1950,
        "10.1016/0031-8914(50)90130-3",
    ),
    "triangular-antiferromagnet": Reference(
        "Wannier, G. H.",
        "Antiferromagnetism. The Triangular Ising Net",
        "Phys. Rev. 79, 357",
        1950,
        "10.1103/PhysRev.79.357",
    ),
    "triangular-magnetization": Reference(
        "Potts, R. B.",
        "Spontaneous Magnetization of a Triangular Ising Lattice",
        "Phys. Rev. 88, 352",
        1952,
        "10.1103/PhysRev.88.352",
    ),
    "honeycomb-magnetization": Reference(
        "Naya, S.",
        "On the Spontaneous Magnetizations of Honeycomb and Kagomé Ising Lattices",
        "Prog. Theor. Phys. 11, 53",
        1954,
        "10.1143/PTP.11.53",
    ),
    "binder-value": Reference(
        "Kamieniarz, G. and Blöte, H. W. J.",
        "Universal ratio of magnetization moments in two-dimensional Ising models",
        "J. Phys. A 26, 201",
        1993,
        "10.1088/0305-4470/26/2/009",
    ),
    "potts-model": Reference(
        "Potts, R. B.",
        "Some generalized order-disorder transformations",
        "Math. Proc. Camb. Phil. Soc. 48, 106",
        1952,
        "10.1017/S0305004100027419",
    ),
    "potts-review": Reference(
        "Wu, F. Y.",
        "The Potts model",
        "Rev. Mod. Phys. 54, 235",
        1982,
        "10.1103/RevModPhys.54.235",
    ),
    "latent-heat": Reference(
        "Baxter, R. J.",
        "Potts model at the critical temperature",
        "J. Phys. C 6, L445",
        1973,
        "10.1088/0022-3719/6/23/005",
    ),
    "triangular-potts": Reference(
        "Baxter, R. J. and Temperley, H. N. V. and Ashley, S. E.",
        "Triangular Potts model at its transition temperature, and related models",
        "Proc. R. Soc. A 358, 535",
        1978,
    ),
    "coulomb-gas": Reference(
        "Nienhuis, B.",
        "Critical behavior of two-dimensional spin models and charge asymmetry in the "
        "Coulomb gas",
        "J. Stat. Phys. 34, 731",
        1984,
    ),
    "minimal-models": Reference(
        "Dotsenko, Vl. S. and Fateev, V. A.",
        "Conformal algebra and multipoint correlation functions in 2D statistical "
        "models",
        "Nucl. Phys. B 240, 312",
        1984,
    ),
    "conformal-symmetry": Reference(
        "Belavin, A. A. and Polyakov, A. M. and Zamolodchikov, A. B.",
        "Infinite conformal symmetry in two-dimensional quantum field theory",
        "Nucl. Phys. B 241, 333",
        1984,
        "10.1016/0550-3213(84)90052-X",
    ),
    "strip-lengths": Reference(
        "Cardy, J. L.",
        "Conformal invariance and universality in finite-size scaling",
        "J. Phys. A 17, L385",
        1984,
        "10.1088/0305-4470/17/7/003",
    ),
    "central-charge": Reference(
        "Blöte, H. W. J. and Cardy, J. L. and Nightingale, M. P.",
        "Conformal invariance, the central charge, and universal finite-size "
        "amplitudes at criticality",
        "Phys. Rev. Lett. 56, 742",
        1986,
        "10.1103/PhysRevLett.56.742",
    ),
    "vortices": Reference(
        "Kosterlitz, J. M. and Thouless, D. J.",
        "Ordering, metastability and phase transitions in two-dimensional systems",
        "J. Phys. C 6, 1181",
        1973,
        "10.1088/0022-3719/6/7/010",
    ),
    "lattice-fields": Reference(
        "Montvay, I. and Münster, G.",
        "Quantum Fields on a Lattice",
        "Cambridge University Press",
        1994,
        "10.1017/CBO9780511470783",
    ),
    "trapezoidal-rule": Reference(
        "Trefethen, L. N. and Weideman, J. A. C.",
        "The Exponentially Convergent Trapezoidal Rule",
        "SIAM Rev. 56, 385",
        2014,
        "10.1137/130932132",
    ),
    "double-exponential": Reference(
        "Takahasi, H. and Mori, M.",
        "Double Exponential Formulas for Numerical Integration",
        "Publ. Res. Inst. Math. Sci. 9, 721",
        1974,
        "10.2977/prims/1195192451",
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
    "bond-moving": Reference(
        "Migdal, A. A.",
        "Phase transitions in gauge and spin-lattice systems",
        "Sov. Phys. JETP 42, 743",
        1975,
    ),
    "hierarchical-lattices": Reference(
        "Berker, A. N. and Ostlund, S.",
        "Renormalisation-group calculations of finite systems: order parameter and "
        "specific heat for epitaxial ordering",
        "J. Phys. C 12, 4961",
        1979,
        "10.1088/0022-3719/12/22/035",
    ),
    "hierarchical-thermodynamics": Reference(
        "Griffiths, R. B. and Kaufman, M.",
        "Spin systems on hierarchical lattices. Introduction and thermodynamic limit",
        "Phys. Rev. B 26, 5022",
        1982,
        "10.1103/PhysRevB.26.5022",
    ),
    "critical-manifold": Reference(
        "Wu, Y. and Car, R.",
        "Determination of the Critical Manifold Tangent Space and Curvature with Monte "
        "Carlo Renormalization Group",
        "arXiv",
        2019,
        arxiv="1903.08231",
    ),
    "scaling-fields": Reference(
        "Wegner, F. J.",
        "Corrections to Scaling Laws",
        "Phys. Rev. B 5, 4529",
        1972,
        "10.1103/PhysRevB.5.4529",
    ),
    "flow-free-energy": Reference(
        "Nauenberg, M. and Nienhuis, B.",
        "Renormalization-Group Approach to the Solution of General Ising Models",
        "Phys. Rev. Lett. 33, 1598",
        1974,
        "10.1103/PhysRevLett.33.1598",
    ),
    "lattice-matching": Reference(
        "Pawley, G. S. and Swendsen, R. H. and Wallace, D. J. and Wilson, K. G.",
        "Monte Carlo renormalization-group calculations of critical behavior in the "
        "simple-cubic Ising model",
        "Phys. Rev. B 29, 4030",
        1984,
        "10.1103/PhysRevB.29.4030",
    ),
    "niemeijer": Reference(
        "Niemeijer, Th. and van Leeuwen, J. M. J.",
        "Wilson Theory for Spin Systems on a Triangular Lattice",
        "Phys. Rev. Lett. 31, 1411",
        1973,
        "10.1103/PhysRevLett.31.1411",
    ),
    "niemeijer-cumulants": Reference(
        "Niemeijer, Th. and van Leeuwen, J. M. J.",
        "Wilson theory for 2-dimensional Ising spin systems",
        "Physica 71, 17",
        1974,
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
    "teaching": Reference(
        "Maris, H. J. and Kadanoff, L. P.",
        "Teaching the renormalization group",
        "Am. J. Phys. 46, 652",
        1978,
        "10.1119/1.11224",
    ),
    "lower-bound": Reference(
        "Kadanoff, L. P.",
        "Variational Principles and Approximate Renormalization Group Calculations",
        "Phys. Rev. Lett. 34, 1005",
        1975,
        "10.1103/PhysRevLett.34.1005",
    ),
    "variational-rg": Reference(
        "Kadanoff, L. P. and Houghton, A. and Yalabik, M. C.",
        "Variational approximations for renormalization group transformations",
        "J. Stat. Phys. 14, 171",
        1976,
        "10.1007/BF01011765",
    ),
    "epsilon": Reference(
        "Wilson, K. G. and Fisher, M. E.",
        "Critical Exponents in 3.99 Dimensions",
        "Phys. Rev. Lett. 28, 240",
        1972,
        "10.1103/PhysRevLett.28.240",
    ),
    "renormalization-review": Reference(
        "Wilson, K. G. and Kogut, J.",
        "The renormalization group and the ε expansion",
        "Phys. Rep. 12, 75",
        1974,
        "10.1016/0370-1573(74)90023-4",
    ),
    "field-theory": Reference(
        "Kleinert, H. and Schulte-Frohlinde, V.",
        "Critical Properties of φ⁴-Theories",
        "World Scientific",
        2001,
        "10.1142/4733",
    ),
    "operator-content": Reference(
        "Cardy, J. L.",
        "Operator content of two-dimensional conformally invariant theories",
        "Nucl. Phys. B 270, 186",
        1986,
        "10.1016/0550-3213(86)90552-3",
    ),
    "tensor-spectrum": Reference(
        "Gu, Z.-C. and Wen, X.-G.",
        "Tensor-entanglement-filtering renormalization approach and symmetry-protected "
        "topological order",
        "Phys. Rev. B 80, 155131",
        2009,
        "10.1103/PhysRevB.80.155131",
        "0903.1069",
    ),
    "ascending-fields": Reference(
        "Evenbly, G. and Vidal, G.",
        "Algorithms for entanglement renormalization",
        "Phys. Rev. B 79, 144108",
        2009,
        "10.1103/PhysRevB.79.144108",
        "0707.1454",
    ),
    "hotrg": Reference(
        "Xie, Z. Y. and Chen, J. and Qin, M. P. and Zhu, J. W. and Yang, L. P. "
        "and Xiang, T.",
        "Coarse-graining renormalization by higher-order singular value decomposition",
        "Phys. Rev. B 86, 045139",
        2012,
        "10.1103/PhysRevB.86.045139",
        "1201.1144",
    ),
    "btrg": Reference(
        "Adachi, D. and Okubo, T. and Todo, S.",
        "Bond-weighted tensor renormalization group",
        "Phys. Rev. B 105, L060402",
        2022,
        arxiv="2011.01679",
    ),
    "loop-tnr": Reference(
        "Yang, S. and Gu, Z.-C. and Wen, X.-G.",
        "Loop Optimization for Tensor Network Renormalization",
        "Phys. Rev. Lett. 118, 110504",
        2017,
        "10.1103/PhysRevLett.118.110504",
        "1512.04938",
    ),
    "nuclear-norm": Reference(
        "Homma, K. and Okubo, T. and Kawashima, N.",
        "Nuclear norm regularized loop optimization for tensor network",
        "arXiv",
        2023,
        arxiv="2306.17479",
    ),
    "gilt": Reference(
        "Hauru, M. and Delcamp, C. and Mizera, S.",
        "Renormalization of tensor networks using graph-independent local truncations",
        "Phys. Rev. B 97, 045111",
        2018,
        "10.1103/PhysRevB.97.045111",
        "1709.07460",
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
    "harmonium": Reference(
        "Smolensky, P.",
        "Information processing in dynamical systems: Foundations of harmony theory",
        "in Parallel Distributed Processing, vol. 1, MIT Press, 194",
        1986,
    ),
    "exponential-harmoniums": Reference(
        "Welling, M. and Rosen-Zvi, M. and Hinton, G. E.",
        "Exponential Family Harmoniums with an Application to Information Retrieval",
        "Advances in Neural Information Processing Systems 17, 1481",
        2004,
    ),
    "tempered-training": Reference(
        "Desjardins, G. and Courville, A. and Bengio, Y. and Vincent, P. and "
        "Delalleau, O.",
        "Tempered Markov Chain Monte Carlo for training of Restricted Boltzmann "
        "Machines",
        "in Proceedings of the 13th International Conference on Artificial "
        "Intelligence and Statistics, PMLR 9, 145",
        2010,
    ),
    "checkpoint-tempering": Reference(
        "Béreux, N. and Decelle, A. and Furtlehner, C. and Rosset, L. and Seoane, B.",
        "Fast training and sampling of Restricted Boltzmann Machines",
        "arXiv",
        2024,
        arxiv="2405.15376",
    ),
    "out-of-equilibrium": Reference(
        "Decelle, A. and Furtlehner, C. and Seoane, B.",
        "Equilibrium and non-Equilibrium regimes in the learning of Restricted "
        "Boltzmann Machines",
        "Advances in Neural Information Processing Systems 34",
        2021,
        arxiv="2105.13889",
    ),
    "tied-machine": Reference(
        "Lee, H. and Grosse, R. and Ranganath, R. and Ng, A. Y.",
        "Convolutional deep belief networks for scalable unsupervised learning of"
        " hierarchical representations",
        "in Proceedings of the 26th International Conference on Machine Learning, 609",
        2009,
        "10.1145/1553374.1553453",
    ),
    "deep-belief": Reference(
        "Hinton, G. E. and Osindero, S. and Teh, Y.-W.",
        "A Fast Learning Algorithm for Deep Belief Nets",
        "Neural Comput. 18, 1527",
        2006,
        "10.1162/neco.2006.18.7.1527",
    ),
    "ais-of-machines": Reference(
        "Salakhutdinov, R. and Murray, I.",
        "On the quantitative analysis of deep belief networks",
        "in Proceedings of the 25th International Conference on Machine Learning, 872",
        2008,
        "10.1145/1390156.1390266",
    ),
    "acceptance-ratio": Reference(
        "Bennett, C. H.",
        "Efficient estimation of free energy differences from Monte Carlo data",
        "J. Comput. Phys. 22, 245",
        1976,
        "10.1016/0021-9991(76)90078-4",
    ),
    "two-sided": Reference(
        "Shirts, M. R. and Bair, E. and Hooker, G. and Pande, V. S.",
        "Equilibrium Free Energies from Nonequilibrium Measurements Using "
        "Maximum-Likelihood Methods",
        "Phys. Rev. Lett. 91, 140601",
        2003,
        "10.1103/PhysRevLett.91.140601",
    ),
    "likelihood-ratio": Reference(
        "Wilks, S. S.",
        "The Large-Sample Distribution of the Likelihood Ratio for Testing "
        "Composite Hypotheses",
        "Ann. Math. Stat. 9, 60",
        1938,
        "10.1214/aoms/1177732360",
    ),
    "random-matrices": Reference(
        "Marčenko, V. A. and Pastur, L. A.",
        "Distribution of eigenvalues for some sets of random matrices",
        "Math. USSR-Sb. 1, 457",
        1967,
        "10.1070/SM1967v001n04ABEH001994",
    ),
    "linear-autoencoder": Reference(
        "Baldi, P. and Hornik, K.",
        "Neural networks and principal component analysis: Learning from examples"
        " without local minima",
        "Neural Netw. 2, 53",
        1989,
        "10.1016/0893-6080(89)90014-2",
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
    "zoomout": Reference(
        "Ho, K.-Y.",
        "Learning by Zooming Out",
        "Everything about Data Analytics, an essay on the web",
        2015,
    ),
    "optimal-rsmi": Reference(
        "Lenggenhager, P. M. and Gökmen, D. E. and Ringel, Z. and Huber, S. D. and "
        "Koch-Janusz, M.",
        "Optimal Renormalization Group Transformation from Information Theory",
        "Phys. Rev. X 10, 011037",
        2020,
        doi="10.1103/PhysRevX.10.011037",
    ),
    "infonce": Reference(
        "van den Oord, A. and Li, Y. and Vinyals, O.",
        "Representation Learning with Contrastive Predictive Coding",
        "arXiv",
        2018,
        arxiv="1807.03748",
    ),
    "barber-agakov": Reference(
        "Barber, D. and Agakov, F.",
        "The IM Algorithm: A Variational Approach to Information Maximization",
        "Advances in Neural Information Processing Systems 16",
        2003,
    ),
    "information-bounds": Reference(
        "Poole, B. and Ozair, S. and van den Oord, A. and Alemi, A. A. and Tucker, G.",
        "On Variational Bounds of Mutual Information",
        "International Conference on Machine Learning",
        2019,
        arxiv="1905.06922",
    ),
}

TOPICS = {
    # methods
    "swendsen-wang": ("swendsen-wang", "random-clusters"),
    "perfect": ("perfect", "random-clusters", "ghost-spin", "splitmix"),
    "hybrid": ("hybrid", "hybrid-identity", "hybrid-acceptance", "sign-clusters"),
    "multispin": ("metropolis", "multi-spin-coding", "xoshiro"),
    "bit-packed": ("heat-bath", "multi-spin-coding", "xoshiro"),
    # models
    "potts": ("potts-model", "potts-review"),
    "xy": ("vortices", "wolff", "von-mises", "over-relaxation"),
    "phi4": ("lattice-fields", "hybrid", "sign-clusters"),
    "epidemic": ("contact-process", "quasi-stationary", "directed-percolation"),
    "decoupled-noise": ("rsmi",),
    # readings
    "reweighting": ("histogram", "multiple-histogram", "mbar", "overlap"),
    "cluster-readings": (
        *("random-clusters", "cluster-estimators", "improved-estimators"),
        "second-moment-length",
    ),
    "information": (
        *("rsmi", "optimal-rsmi", "infonce", "barber-agakov", "information-bounds"),
    ),
    "interval": ("jackknife", "welch", "satterthwaite"),
    "scaling": (
        *("binder", "second-moment-length", "variable-projection"),
        *("inverse-covariance", "collapse-quality", "small-sample-criterion"),
    ),
    # networks
    "rbm": ("harmonium", "contrastive-divergence", "persistent-cd"),
    "conv-rbm": ("tied-machine", "persistent-cd"),
    "dbn": ("deep-belief", "ais-of-machines"),
    "gaussian-units": ("exponential-harmoniums",),
    "tempered": ("tempering", "tempered-training"),
    "checkpoints": ("checkpoint-tempering", "tempering"),
    "annealed": ("ais", "ais-of-machines", "acceptance-ratio", "two-sided"),
    "autoencoder": ("linear-autoencoder",),
    "statistical-excess": ("likelihood-ratio",),
    "spectrum-of-weights": ("random-matrices",),
    # renormalization of couplings and tensors
    "decimation": ("transfer-matrix", "teaching"),
    "truncated-decimation": ("teaching",),
    "nearest-decimation": ("teaching",),
    "migdal-kadanoff": ("migdal-kadanoff", "bond-moving"),
    "hierarchical": (
        *("hierarchical-lattices", "hierarchical-thermodynamics"),
        *("migdal-kadanoff", "bond-moving"),
    ),
    "infinitesimal-migdal-kadanoff": ("bond-moving", "migdal-kadanoff"),
    "potts-migdal-kadanoff": ("migdal-kadanoff", "bond-moving", "potts-model"),
    "potts-hierarchical": (
        *("hierarchical-lattices", "hierarchical-thermodynamics"),
        *("migdal-kadanoff", "bond-moving", "potts-model"),
    ),
    "infinitesimal-potts": ("bond-moving", "migdal-kadanoff", "potts-model"),
    "niemeijer": ("niemeijer", "niemeijer-cumulants"),
    "niemeijer-second": ("niemeijer", "niemeijer-cumulants"),
    "variational": ("lower-bound", "variational-rg"),
    "epsilon": ("epsilon", "renormalization-review", "field-theory"),
    "gaussian": ("renormalization-review", "lin2017"),
    "block-average": ("block-spins", "renormalization-review", "lin2017"),
    "trg": ("trg", "operator-content", "tensor-spectrum"),
    "hotrg": ("hotrg", "operator-content", "tensor-spectrum", "ascending-fields"),
    "btrg": ("btrg", "operator-content", "tensor-spectrum"),
    "loop-tnr": ("loop-tnr", "operator-content", "tensor-spectrum", "nuclear-norm"),
    "fixed-points": ("scaling-fields", "flow-free-energy"),
    "variational-mcrg": ("variational-mcrg", "critical-manifold"),
    # exact results
    "chain": ("ising-chain", "transfer-matrix", "potts-model"),
    "strip": ("transfer-matrix", "strip-lengths", "central-charge"),
    "diagonal": ("toeplitz", "two-dimensional-ising", "double-exponential"),
    "plaquette": ("planar-pfaffian", "toeplitz"),
    "torus": ("kaufman", "density-of-states"),
    "critical-torus": ("torus-correlators", "ferdinand-fisher", "energy-correlations"),
    "planar": (
        *("triangular", "triangular-antiferromagnet"),
        *("triangular-magnetization", "honeycomb-magnetization"),
    ),
    "critical-potts": (
        *("potts-review", "latent-heat", "triangular-potts"),
        *("coulomb-gas", "minimal-models"),
    ),
    "phi4-quadrature": ("trapezoidal-rule",),
}
"""What rests on several sources → their keys."""
