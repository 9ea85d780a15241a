"""Import stub, tests only: flash-attn does not build without CUDA; see ``bert_padding``."""
