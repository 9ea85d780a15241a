"""Are two syntax trees equal: as constants, as functions of their variables, as sets of real numbers?"""
