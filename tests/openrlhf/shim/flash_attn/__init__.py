"""Import stub, tests only: flash-attn does not build without CUDA, and OpenRLHF imports four names of it.

Packing and ring attention, which would call them, are off in every test.
"""
