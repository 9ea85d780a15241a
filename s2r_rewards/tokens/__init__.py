"""Character spans → token spans, from the token ids that were generated."""

from s2r_rewards.tokens.ends import end_tokens, ended
from s2r_rewards.tokens.spans import UnsupportedTokenizer, decode_with_offsets, spans_from_offsets, token_spans

__all__ = ["UnsupportedTokenizer", "decode_with_offsets", "end_tokens", "ended", "spans_from_offsets", "token_spans"]
