"""The sections of the validation page, in its order: published protocols, the matrix, and what data do to models."""

from __future__ import annotations

from .section import Goal, Published, Section

GTF = "Hess et al., ICML 2023, arXiv:2306.04406"
AGGREGATOR = "aggregator"
COLLECTED = f"collected from {GTF}"
LORENZ = (("file", "lorenz63_noise0.05_train.npy"), ("test_file", "lorenz63_test.npy"))
ECG = (("file", "ecg_5d_700hz_train.npy"), ("test_file", "ecg_5d_700hz_test.npy"))
SWEPT = ("D_stsp", "D_H", "lambda_1", "valid prediction time")
SPECTRUM = ("D_stsp", "D_H", "lambda_1", "lambda_2", "Kaplan-Yorke dimension", "valid prediction time")

PROTOCOLS = (
    Section(
        "gtf-lorenz63",
        "Generalized teacher forcing: Lorenz-63 with 5 % noise",
        "Shallow PLRNN, three states, 50 hidden units, alpha 0.07, the better of two models, on the published training "
        "file; 100,000 free steps against the published clean test file. Floors are trajectories of the equations in "
        "the units of the test file, which a regression on the equations finds; the goal for D_stsp lies below their "
        "median. Settings were chosen on one to three seeds of these files: alpha (0.02 to 0.15, or falling "
        "during training), the learning rate (0.003 to 0.01), noise added in training (0 to 0.05), clipped units, the "
        "budget; leaving the first 30 to 80 predictions of each window out of the loss did not help. A run is lost if "
        "its free run leaves the attractor for a fixed point of the model, which can happen once in millions of "
        "steps: one model a run and checks of a quarter of the length lost more. What lambda_1 lacks, lambda_2 has "
        "too much, in the median: random errors of 0.01 in the Jacobians of the equations do the same "
        "(tests/test_validation.py).",
        files=LORENZ,
        measures=SPECTRUM,
        goals=(
            Goal("D_stsp", 0.10),
            Goal("D_H", 0.06),
            Goal("lambda_1", 0.05, "relative error"),
            Goal("", 18, "not lost", of=20),
        ),
        published=(
            Published("D_stsp, same protocol", "0.26", AGGREGATOR, COLLECTED),
            Published("D_stsp, a pretrained model of a tutorial", "0.2333", "notebook", "CNS 2023 tutorial"),
            Published("D_H, the same model", "0.0807", "notebook", "CNS 2023 tutorial"),
            Published("lambda_1, the same model", "0.9048", "notebook", "CNS 2023 tutorial"),
        ),
    ),
    Section(
        "cns-lorenz63",
        "The tutorial's recipe: Lorenz-63 in 5000 steps",
        "A shallow PLRNN of three states and 50 hidden units on data of our own with 5 % noise, judged against clean "
        "trajectories; alpha 0.125, 5000 steps at a constant rate, one model a run. The model that the tutorial prints "
        "its numbers of was trained longer.",
        published=(
            Published("D_stsp", "0.2333", "notebook", "CNS 2023 tutorial"),
            Published("D_H", "0.0807", "notebook", "CNS 2023 tutorial"),
        ),
    ),
    Section(
        "gtf-lorenz96",
        "Generalized teacher forcing: Lorenz-96 with 20 sites",
        "F = 16, 5 % noise, data of our own; 200 hidden units, alpha 0.25 (of 0.1, 0.25, 0.4, tried on seed 0). "
        "In 20 dimensions almost no two points share a cell: binned D_stsp cannot tell anything there and is left "
        "out, and so is the number that others give for another estimator of it. Sliced Wasserstein can tell little: "
        "noise scores little more than the truth.",
        measures=("D_H", "lambda_1", "Kaplan-Yorke dimension", "valid prediction time", "sliced Wasserstein"),
    ),
    Section(
        "gtf-ecg",
        "Generalized teacher forcing: electrocardiogram",
        "Five delayed columns of one lead, 700 Hz, shallow PLRNN with five states and 250 hidden units, affine "
        "observation, the best of three models, chosen by free runs against the training record. No equations: the "
        "floor is what the training record scores against the test record, one pair, and a heart is not stationary. "
        "The exponents from data are estimates from the series, of the model's free run and of the record.",
        files=ECG,
        measures=("D_stsp", "D_H", "lambda_1", "lambda_1 from data", "valid prediction time"),
        goals=(Goal("D_stsp", 2.5), Goal("", 4, "not lost", of=5)),
        published=(Published("D_stsp, dendritic PLRNN", "5.8", AGGREGATOR, COLLECTED),),
    ),
    Section(
        "alrnn-lorenz63",
        "AL-RNN: how many rectified units Lorenz-63 needs",
        "20 states, sparse forcing every 16 steps; clean data, noise of 5 % added in training, one model a run. With "
        "two rectified units higher learning rates (to 0.01), more steps (300,000), noisy data and the best of three "
        "models (one to three seeds each) bring the density near the truth, but by chaos of units that are not "
        "observed: lambda_1 and lambda_2 are then too large, and a fourth region is used. Fewer states (5 to 12), "
        "weaker or stronger noise, other intervals and penalties on the weights did not help.",
        by=("model", "model.relu_units"),
        measures=SPECTRUM,
        goals=(
            Goal("D_stsp", 0.25, contestant="relu_units=2"),
            Goal("lambda_1", 0.15, "relative error", contestant="relu_units=2"),
        ),
        published=(
            Published("D_stsp, two rectified units", "3.52", "notebook", "AL-RNN tutorial, 10,000 free steps"),
            Published("D_stsp, weights of the paper's repository", "3.1", "measured by us", "100,000 free steps"),
        ),
        figure="along",
        swept="model.relu_units",
    ),
    Section(
        "alrnn-rossler",
        "AL-RNN: how many rectified units Rössler needs",
        "20 states, sparse forcing every 8 steps; clean data, noise of 5 % added in training, one model a run. With "
        "one rectified unit lambda_1 comes out too large at all rates, intervals, noise levels and numbers of states "
        "that were tried (on one or two seeds). Two linear branches stretch everywhere, where the true return map has "
        "a flat maximum: lambda_1 then comes near the topological entropy, which in the equations is well above it "
        "(both stand in the tables on minimal reconstructions). lambda_2 is not zero, either: units that are not "
        "observed are chaotic, too.",
        by=("model", "model.relu_units"),
        measures=SPECTRUM,
        goals=(Goal("lambda_1", 0.15, "relative error", contestant="relu_units=1"),),
        figure="along",
        swept="model.relu_units",
    ),
    Section(
        "reservoirs",
        "Echo state networks with settings near published ones",
        "800 units on clean data sampled every 0.01, 10,000 rows. The published threshold of the prediction time is "
        "0.3, ours 0.4 as everywhere on this page.",
        published=(
            Published("valid prediction time, Lorenz-63, threshold 0.3", "9.6 to 10.3", "measured by us",
                      "a plain implementation of Platt et al., arXiv:2201.08910"),
        ),
    ),
    Section(
        "ngrc-lorenz63",
        "Next-generation reservoir: Lorenz-63 from 400 rows",
        "400 rows for training, 0.025 apart, and 400 more for validation; two lags, quadratic or cubic terms, ridge "
        "chosen in closed loop.",
        by=("model", "model.degree"),
    ),
)  # fmt: skip

MATRIX = Section(
    "invariants-matrix",
    "Models by systems",
    "30 systems without noise, 20,000 rows for training; every family with its own recommended settings but for the "
    "budgets and sizes that the recipe names. Of the driven Duffing and van der Pol the phase of the drive is not "
    "observed, only x and its velocity, and the next row does not follow from the last one: a model needs hidden "
    "states or memory, which EDMD, SINDy, the neural ODE, the shallow PLRNN and, with the one lag that the recipe "
    "names, NG-RC do not have here. Most of the others are polynomials, and there is no noise: SINDy, EDMD and NG-RC "
    "then hold the right terms, which says little about systems where they do not. Four systems are maps, which SINDy, "
    "a differential equation, cannot hold whatever their terms. Twelve are flows of Sprott's that are much alike, so "
    "there are fewer than thirty independent comparisons. The first model of a system pays for its truth and floors in "
    "CPU seconds.",
    measures=(
        "D_stsp", "D_JS", "D_H", "lambda_1", "Kaplan-Yorke dimension", "valid prediction time", "partition divergence",
    ),
    figure="matrix",
    details=False,
)  # fmt: skip

FAMILIES = (
    Section(
        "families-lorenz63",
        "Every family: Lorenz-63 with 5 % noise",
        "20,000 rows for training, judged against clean trajectories. Every family with its recommended settings, one "
        "model a run, with budgets of seconds to minutes: families that are dear for each step got fewer of them. "
        "Parallel reservoirs, which are made for fields, are left out.",
        measures=SPECTRUM,
        figure="forest",
        details=False,
    ),
    Section(
        "families-ecg",
        "Every family: electrocardiogram",
        "Five delayed columns of one lead, 700 Hz; the settings as on Lorenz-63, none of them chosen on these data. "
        "Checkpoints are chosen by free runs against the training record. The floor is what the training record scores "
        "against the test record, one pair.",
        files=ECG,
        measures=("D_stsp", "D_H", "lambda_1", "lambda_1 from data", "valid prediction time"),
        figure="forest",
        details=False,
    ),
)

DATA = (
    Section(
        "noise", "What noise does", "Lorenz-63; noise on the training data alone, in standard deviations.",
        by=("model",), measures=SWEPT, figure="families", swept="data.noise", details=False,
    ),
    Section(
        "length", "What length does",
        "Lorenz-63 with 1 % noise; some 75 rows make a period. All lengths have 5000 more rows for validation, which "
        "the shallow PLRNN, the AL-RNN and S4D see too when their checkpoints are chosen; settings of the echo state "
        "network are searched on a fifth of the rows for training, which are 150 of 750.",
        by=("model",), measures=SWEPT, figure="families", swept="data.train", details=False,
    ),
    Section(
        "dimension", "What dimension does",
        "Lorenz-96 with F = 8 and 5 to 40 sites, clean, sampled every 0.05. SINDy and NG-RC are told that two is the "
        "highest degree, as it is in the equations: the cubic terms of 40 sites are more than can be solved for.",
        by=("model",), measures=("D_H", "sliced Wasserstein", "lambda_1", "valid prediction time"),
        figure="families", swept="data.parameters.dim", details=False,
    ),
    Section(
        "partial-observation", "What partial observation does",
        "Lorenz-63 seen whole, without z, by x alone, and by x in three delays of ten rows. Densities in one, two and "
        "three dimensions do not compare, so the figure has them in units of their floors.",
        by=("model",), measures=SWEPT, figure="families", swept="data.columns", details=False,
    ),
    Section(
        "long-sequences", "What long windows do",
        "x of the Hindmarsh-Rose neuron, whose bursts take hundreds of rows: a shallow PLRNN with ten states, one of "
        "them observed, trained on windows of 10 to 1000 rows, of longer ones fewer at a time, so that all take as "
        "many steps and about as many rows a step. Longer windows help, but no model here is a reconstruction: "
        "forecasts do not gain and lambda_1 is several times that of the equations. Tried on one seed of these data: "
        "with fewer steps for longer windows 100 rows were best; an AL-RNN with twenty states gained from 1000 rows at "
        "a learning rate of 0.01, where one of its trainings diverged, and not at 0.003; an LSTM gained from 100 rows "
        "(windows of 1000 rows were given up as too slow). Gradients that are computed parallel in time pay for a "
        "shallow PLRNN with one window of 1000 rows at a time, not with a batch of them (BENCHMARKS.md).",
        by=("model", "training.window"), measures=SWEPT, figure="along", swept="training.window",
    ),
)  # fmt: skip

SECTIONS: tuple[Section, ...] = (*PROTOCOLS, MATRIX, *FAMILIES, *DATA)
