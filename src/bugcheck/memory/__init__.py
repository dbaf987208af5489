"""Addresses → bytes: physical memory, page tables per processor, virtual runs, three read verbs."""
