"""Maps on couplings and on tensors: the renormalization group on descriptions."""
