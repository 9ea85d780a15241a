from einops import rearrange

__all__ = ["index_first_axis", "pad_input", "rearrange", "unpad_input"]


def _unavailable(*args, **kwargs):
    raise NotImplementedError("flash_attn is stubbed in this environment; leave --ds.packing_samples off")


index_first_axis = pad_input = unpad_input = _unavailable
