"""What the callback measures is what the scores of the same frames say, each under its own name."""

import lightning.pytorch as L
import torch
from squares import FRAME_SIZE

from aed_lightning.callbacks import MeasureNormalLevels
from aed_lightning.data.module import DataModule
from aed_lightning.model import AutoEncoder
from aed_lightning.scoring.maps import mean_discrepancy, mean_error, predicted_map
from aed_lightning.scoring.rules import DefaultRule
from aed_lightning.stages import StageOptions, StudentStage


class AtCheckpoints(L.Callback):
    """Sees what a checkpoint would hold, and that nothing comes after the trainer has let go of the device."""

    def on_train_epoch_end(self, trainer, pl_module):
        self.levels = {name: level.clone() for name, level in pl_module.network.levels.named_buffers()}
        teardown = trainer.strategy.teardown

        def ends():
            self.at_the_end = {name: level.clone() for name, level in pl_module.network.levels.named_buffers()}
            teardown()

        trainer.strategy.teardown = ends


def test_at_the_end_of_a_fit_each_level_is_that_of_its_own_map_on_normal_frames(squares):
    data = DataModule(
        "squares", root=squares.root, store=squares.store, frame_size=FRAME_SIZE, patch_size=8, holdout=1, batch_size=8
    )
    network = AutoEncoder(FRAME_SIZE, 8, encoder_dim=16, decoder_dim=16, dropout=0.0)
    stage = StudentStage(network, DefaultRule(mask_ratio=0.0), StageOptions())
    trainer = L.Trainer(
        accelerator="cpu", max_steps=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, num_sanity_val_steps=0, limit_val_batches=0,
        callbacks=[MeasureNormalLevels(data), then := AtCheckpoints()],
    )  # fmt: skip
    trainer.fit(stage, data)
    assert network.training
    stage.eval()
    found = {"error": [], "anomaly_map": [], "discrepancy": [], "class_logit": []}
    with torch.no_grad():
        for clips in data.normal_dataloader():
            batch = data.finish(clips)
            answer = stage.reconstruct(batch, with_student=True, mask_ratio=0.0)
            found["error"].append(mean_error(batch.inputs, answer, 8))
            found["anomaly_map"].append(predicted_map(answer))
            found["discrepancy"].append(mean_discrepancy(answer))
            found["class_logit"].append(answer.class_logit)
    for name, values in found.items():
        measured, expected = network.levels.get_buffer(name)[0], torch.cat(values).mean(dim=0)
        torch.testing.assert_close(measured, expected, rtol=1e-4, atol=1e-5, msg=name)
    for name, level in network.levels.named_buffers():
        assert torch.equal(then.levels[name], level), name
        assert torch.equal(then.at_the_end[name], level), name


def test_levels_are_measured_where_nothing_is_trained(squares):
    data = DataModule(
        "squares", root=squares.root, store=squares.store, frame_size=FRAME_SIZE, patch_size=8, holdout=1, batch_size=8
    )
    network = AutoEncoder(FRAME_SIZE, 8, encoder_dim=16, decoder_dim=16, dropout=0.0)
    trainer = L.Trainer(
        accelerator="cpu", max_epochs=0, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, num_sanity_val_steps=0, callbacks=[MeasureNormalLevels(data)],
    )  # fmt: skip
    trainer.fit(StudentStage(network, DefaultRule(mask_ratio=0.0), StageOptions()), data)
    for name, level in network.levels.named_buffers():
        assert level[0].abs().sum() > 0, name
