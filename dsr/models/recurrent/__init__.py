"""Recurrent cells trained by backpropagation through time."""

from .antisymmetric import AntisymmetricRNN
from .cornn import CoRNN
from .delta_product import DeltaProduct
from .elman import Elman
from .gru import GRU
from .lem import LEM
from .lstm import LSTM
from .network import Cell, RecurrentNetwork
from .orthogonal import OrthogonalRNN

__all__ = [
    "GRU",
    "LEM",
    "LSTM",
    "AntisymmetricRNN",
    "Cell",
    "CoRNN",
    "DeltaProduct",
    "Elman",
    "OrthogonalRNN",
    "RecurrentNetwork",
]
