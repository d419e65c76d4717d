import pytest
from sweep_cases import write_space

from qblif.golden.spec.errors import QblifError
from qblif.sweep.read import read_space
from qblif.sweep.space import Space

GOOD = 'network = "mnist-mlp"\nobjectives = ["luts"]\n[parameters]\nlanes = [4, "8,2"]\n'
LOGIC = 'logic = true\nobjectives = ["accuracy"]\n[parameters]\nrow = [1, 2]\n'
TRAINED = 'objectives = ["accuracy"]\n[parameters]\nweight_bits = [4, 8]\n'


def test_what_a_space_says(tmp_path):
    space = read_space(write_space(tmp_path, (
        'objectives = ["accuracy", "cycles"]\ndata = "digits"\nimages = 50\n'
        '[parameters]\nlanes = [4, 8]\nweight_bits = [3, 4, 6]\nneuron = ["lif", "qb-lif"]\n'
        '[train]\nrecipe = "mnist-cnn"\nhidden = [32, 16]\nepochs = 2\n')))
    assert (space.size, space.wanted, space.on_images) == (12, 12, True)
    assert space.data == str(tmp_path / "digits")
    points = list(space.grid())
    assert len({str(point) for point in points}) == 12
    # Workers beside each other train different networks.
    assert [point["lanes"] for point in points] == [4] * 6 + [8] * 6
    assert list(points[0]) == ["lanes", "weight_bits", "neuron"]
    config = space.config({"lanes": 8, "weight_bits": 3, "neuron": "lif"})
    assert (config.w_width, config.n_max, config.reset_kind) == (3, 1, "subtract")
    assert (config.net, config.hidden, config.epochs) == ("mnist-cnn", (32, 16), 2)


def test_a_network_that_ships_keeps_its_name_and_a_file_is_beside_the_space(tmp_path):
    assert read_space(write_space(tmp_path, GOOD)).network == "mnist-mlp"
    other = GOOD.replace("mnist-mlp", "mine.safetensors")
    assert read_space(write_space(tmp_path, other)).network == str(tmp_path / "mine.safetensors")


def test_a_sampler_has_so_many_points_but_no_more_than_there_are(tmp_path):
    for points, wanted in ((1, 1), (2, 2), (9, 2)):
        text = f'sampler = "tpe"\npoints = {points}\n' + GOOD
        assert read_space(write_space(tmp_path, text)).wanted == wanted


def test_how_many_points_is_no_part_of_what_they_are():
    spaces = [Space(parameters={"lanes": (1, 2)}, objectives=("luts",), network="mnist-mlp",
                    train={}, sampler="nsga2", points=points) for points in (1, 2)]
    assert spaces[0].describe() == spaces[1].describe()


@pytest.mark.parametrize("text, sentence", [
    ("lanes = [", "damaged, or not TOML"),
    ("\xff", "damaged, or not TOML"),
    ("[" * 5000, "damaged, or not TOML"),
    (GOOD.replace("network", "net"), "Key must be one of parameters, .*, not 'net'"),
    (GOOD.replace("lanes", "lane"), "Parameter of the trained|Parameter must be .*, not 'lane'"),
    (GOOD.replace('"luts"', '"area"'), "Objective must be one of accuracy, .*, not 'area'"),
    (GOOD.replace('["luts"]', "[]"), r"objectives must have at least one value, not \[\]"),
    (GOOD.replace('["luts"]', '"luts"'), "objectives must be a list, not 'luts'"),
    (GOOD.replace('[4, "8,2"]', "[]"), r"lanes must have at least one value, not \[\]"),
    (GOOD.replace('[4, "8,2"]', "4"), "lanes must be a list, not 4"),
    (GOOD.replace('"8,2"', "4"), "lanes has 4 more than once"),
    (GOOD.replace('"8,2"', "0"), r"Lanes must be in 1\.\.1024, not 0"),
    (GOOD.replace('"8,2"', "true"), "Lanes must be an integer, not True"),
    (GOOD.replace('"8,2"', "[8, 2]"), r"Lanes must be an integer, not \[8, 2\]"),
    (GOOD.replace('"8,2"', "1979-05-27"), "lanes must have numbers, strings, true, false or lists"),
    (GOOD + 'row = [2]\n', "Parameter of the trained network .*, not 'row'"),
    ('split = "train"\n' + GOOD, "Split must be one of validation, test, not 'train'"),
    ('split = "validation"\n' + GOOD, "Network mnist-mlp is trained: its images are the test"),
    ('logic = 1\n' + GOOD, "Logic must be a bool, not 1"),
    ('logic = true\n' + GOOD, "Parameter of the trained .* row, device, n_max, not 'lanes'"),
    (LOGIC.replace("accuracy", "cycles"), "Objective of networks as logic .*, not 'cycles'"),
    (LOGIC.replace("[1, 2]", "[0]"), r"Adders in a row must be in 1\.\.64, not 0"),
    ('simulator = "verilator"\n' + LOGIC, "Simulator belongs to engines: "),
    (GOOD.replace('"8,2"', "2.5"), r"Lanes must be an integer, not 2\.5"),
    (GOOD.replace('"8,2"', '"many"'), "Lanes must be a number, or one a stage .* not 'many'"),
    (GOOD.replace('"8,2"', '"8,0"'), r"Lanes must be in 1\.\.1024, not 0"),
    (GOOD + 'device = ["ecp5"]\n', "Device must be one of ecp5-25k, .*, not 'ecp5'"),
    (GOOD + 'device = [3]\n', "Device must be a string, not 3"),
    (GOOD + 'burst = ["unary"]\n', "Burst must be one of .*, not 'unary'"),
    (GOOD + "n_max = [0]\n", "N_max must be at least 1, not 0"),
    (GOOD + "weight_bits = [4]\n", "Parameter of the trained network .*, not 'weight_bits'"),
    (GOOD + "[train]\nepochs = 2\n", "Network mnist-mlp is trained: leave out the table train"),
    ("points = 3\n" + GOOD, "Points belong to the samplers nsga2 and tpe: a grid has 2"),
    ('sampler = "tpe"\n' + GOOD, "Points must be an integer, not None"),
    ('sampler = "best"\n' + GOOD, "Sampler must be one of grid, nsga2, tpe, not 'best'"),
    ("seed = -1\n" + GOOD, r"Seed must be in 0\.\.\d+, not -1"),
    ("images = 0\n" + GOOD, "Images must be at least 1, not 0"),
    ('images = "some"\n' + GOOD, "Images must be an integer, not 'some'"),
    ('place = "yes"\n' + GOOD, "Place must be a bool, not 'yes'"),
    ('simulator = "vcs"\n' + GOOD, "Simulator must be one of verilator, icarus, not 'vcs'"),
    ("data = 3\n" + GOOD, "Data must be a str, not 3"),
    ('objectives = ["luts"]\n', "parameters are missing"),
    ('objectives = ["luts"]\nparameters = 3\n', "Parameters must be a dict, not 3"),
    (TRAINED.replace("[4, 8]", "[1, 8]"), r"Weight width must be in 2\.\.16, not 1"),
    (TRAINED + "fan = [3]\n", "Parameter must be one of .*or a field of .*config.py, not 'fan'"),
    (TRAINED + "w_width = [3]\n", "w_width stands in parameters as weight_bits and as w_width"),
    (TRAINED + "fan_in = [[3, -1]]\n", "Fan-in must be in .*, not -1"),
    (TRAINED + "learn_thresholds = [2]\n", "Learned input thresholds must be a bool, not 2"),
    (TRAINED + "[train]\nvalidation = 0\n", "Split is validation, but the training holds"),
    (TRAINED + 'neuron = ["alif"]\n', "Neuron must be one of qb-lif, .*, not 'alif'"),
    (TRAINED + "neuron = [3]\n", "Neuron must be a str.*, not 3"),
    (TRAINED + "[train]\nepoch = 3\n", "Key of train must be one of .*, not 'epoch'"),
    (TRAINED + "[train]\nepochs = 0\n", "Epochs must be at least 1, not 0"),
    (TRAINED + "[train]\nw_width = 3\n", "w_width stands in parameters, as weight_bits"),
    (TRAINED + '[train]\nrecipe = "mine"\n', "Recipe must be one of mnist, .*, not 'mine'"),
])
def test_a_bad_space_gets_one_sentence_that_names_its_file(tmp_path, text, sentence):
    path = tmp_path / "space.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(QblifError, match=f"^{path}: ({sentence})") as raised:
        read_space(path)
    assert "\n" not in " ".join(str(raised.value).split())


def test_no_such_file(tmp_path):
    with pytest.raises(QblifError, match="none.toml: No such file"):
        read_space(tmp_path / "none.toml")
