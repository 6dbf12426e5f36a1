"""The half that sees: captions and nouns, measures, and the exported graph against the network."""

import importlib.util
import sys
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

NEEDED = ("torch", "onnx", "onnxruntime", "PIL", "tqdm", "nltk", "scipy")
MISSING = ", ".join(name for name in NEEDED if not importlib.util.find_spec(name))


@unittest.skipIf(MISSING, f"not installed: {MISSING}")
class Photos(unittest.TestCase):
    def test_nouns_are_found_by_their_stems_and_taken_out_wherever_they_stand(self):
        from photos import by_stem, nouns_in, without

        nouns = by_stem(["dog", "grass"])
        caption = "Two dogs chase a dog on the grass ."
        self.assertEqual([noun for noun, _ in nouns_in(caption, nouns)], [0, 0, 1])
        self.assertEqual(without(caption, 0, nouns), "Two chase a on the grass .")

    def test_no_two_nouns_have_the_same_stem(self):
        from photos import by_stem, read_nouns

        words = read_nouns()
        self.assertEqual(len(by_stem(words)), len(words))

    def test_a_photo_is_served_as_its_centre(self):
        from PIL import Image

        from photos import as_served

        photo = Image.new("RGB", (400, 200), "white")
        photo.paste("black", (0, 0, 100, 200))  # outside of the centre that is cut out
        served = as_served(photo, 256, 224)
        self.assertEqual(served.size, (224, 224))
        self.assertEqual(served.getextrema(), ((255, 255),) * 3)

    def test_the_area_under_the_curve_is_the_chance_that_a_hit_scores_above_a_miss(self):
        import numpy as np

        from see import auc

        scores, hits = np.array([0.9, 0.8, 0.3, 0.1]), np.array([True, False, True, False])
        self.assertEqual(auc(scores, hits), 0.75)

    def test_the_exported_graph_says_what_the_network_says(self):
        import numpy as np
        import onnxruntime
        import torch

        import export_fusion
        import familiar
        from fusion import FEATURES, REGIONS, Fusion

        torch.manual_seed(0)
        model = Fusion(32, 24, 16, 2, 0.5).eval()
        keys, values, regions = torch.randn(3, 9, 16), torch.randn(3, 9, 16), torch.rand(3, REGIONS, FEATURES)
        mask = torch.arange(9)[None] < torch.tensor([9, 5, 1])[:, None]
        with tempfile.TemporaryDirectory() as folder:
            known = replace(familiar.learn(regions.numpy(), regions.numpy(), 2, 0), least=-1.0, usual=1.0)
            export_fusion.export(model, known, 0.5, Path(folder))
            session = onnxruntime.InferenceSession(f"{folder}/fusion.onnx")
        feed = {"keys": keys.numpy(), "values": values.numpy(), "mask": mask.long().numpy(), "regions": regions.numpy()}
        for region_filter in (1.0, 0.0):
            with torch.no_grad():
                sight = model(model.photos(regions), model.texts(torch.cat([keys, values], -1), mask), mask, region_filter)
            found = session.run(["familiarity", "match", "weights", "vector"], feed | {"region_filter": np.array(region_filter, np.float32)})
            share = np.clip((known.likeness(regions.numpy()) - known.least) / (known.usual - known.least), 0, 1)
            match = 0.5 + share * (sight.match.numpy() - 0.5)
            for one, other in zip(found, (share, match, sight.weights.numpy(), sight.vector.numpy())):
                # The graph's matrices are int8.
                self.assertLess(np.abs(one - other).max(), 0.02)


if __name__ == "__main__":
    unittest.main()
