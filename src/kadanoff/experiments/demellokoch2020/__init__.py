"""Is deep learning a renormalization group flow? (arXiv:1906.05212)"""
