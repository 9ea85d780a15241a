"""What a syntax tree is worth: exactly, modulo a prime, to many digits, in double precision, as a set of reals."""
