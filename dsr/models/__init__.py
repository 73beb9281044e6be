"""Reconstruction models: one contract (`Model`), one file per family."""

from .alrnn import ALRNN
from .base import FreeRun, Model
from .baselines.climatology import Climatology
from .baselines.parroting import Parroting
from .baselines.persistence import Persistence
from .baselines.vector_autoregression import VectorAutoregression
from .continuous.continuous_alrnn import ContinuousALRNN
from .delay import DelayModel
from .dendritic_plrnn import DendriticPLRNN
from .mean_centred_plrnn import MeanCentredPLRNN
from .memory import MemoryModel
from .plrnn import PLRNN
from .recurrent.antisymmetric import AntisymmetricRNN
from .recurrent.cornn import CoRNN
from .recurrent.delta_product import DeltaProduct
from .recurrent.elman import Elman
from .recurrent.gru import GRU
from .recurrent.lem import LEM
from .recurrent.lstm import LSTM
from .recurrent.orthogonal import OrthogonalRNN
from .registry import MODELS, ModelConfig, Range, config_of, name_of
from .reservoirs.next_generation import NextGenerationReservoir
from .shallow_plrnn import ShallowPLRNN
from .state_space.lru import LRU
from .state_space.lssl import LSSL
from .state_space.s4 import S4
from .state_space.s4d import S4D
from .state_space.s5 import S5
from .vanilla_plrnn import VanillaPLRNN

__all__ = [
    "ALRNN",
    "GRU",
    "LEM",
    "LRU",
    "LSSL",
    "LSTM",
    "MODELS",
    "PLRNN",
    "S4",
    "S4D",
    "S5",
    "AntisymmetricRNN",
    "Climatology",
    "CoRNN",
    "ContinuousALRNN",
    "DelayModel",
    "DeltaProduct",
    "DendriticPLRNN",
    "Elman",
    "FreeRun",
    "MeanCentredPLRNN",
    "MemoryModel",
    "Model",
    "ModelConfig",
    "NextGenerationReservoir",
    "OrthogonalRNN",
    "Parroting",
    "Persistence",
    "Range",
    "ShallowPLRNN",
    "VanillaPLRNN",
    "VectorAutoregression",
    "config_of",
    "name_of",
]
