"""Behaviour initialisation in verl: the data set with the mask of Eq. 1 (``pkg://s2r_verl.sft``, ``S2RSFTDataset``), and
the trainer with its KL term (:mod:`s2r_verl.sft.train`)."""

from s2r_verl.sft.dataset import S2RSFTDataset

__all__ = ["S2RSFTDataset"]
