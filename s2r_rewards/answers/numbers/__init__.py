"""The kinds of numbers that an expression may be worth, one walk for each: :class:`.arithmetic.Arithmetic`."""
