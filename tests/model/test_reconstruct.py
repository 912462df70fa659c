import pytest
import torch
from batches import random_batch

from aed_lightning.model import AutoEncoder, random_masks, reconstruct


@pytest.mark.parametrize("with_student", [True, False])
@pytest.mark.parametrize("head", [True, False])
def test_several_masks_give_the_mean_of_what_each_gives(with_student, head):
    torch.manual_seed(0)
    network = AutoEncoder((32, 64), 8, encoder_dim=32, decoder_dim=16, classification_head=head).eval()
    batch = random_batch()
    sizes = {"tokens": network.tokens, "visible": network.visible_tokens(0.5)}
    with torch.no_grad():
        each = [
            network(
                batch.inputs, random_masks(batch.video, 2 * batch.frame_index + n, batch.epoch, **sizes, seed=3), True
            )
            for n in (0, 1)
        ]
        found = reconstruct(network, batch, seed=3, with_student=with_student, mask_ratio=0.5, masks=2)
    torch.testing.assert_close(found.teacher, (each[0].teacher + each[1].teacher) / 2)
    if with_student:
        torch.testing.assert_close(found.student, (each[0].student + each[1].student) / 2)
    else:
        assert found.student is None
    if head:
        torch.testing.assert_close(found.class_logit, (each[0].class_logit + each[1].class_logit) / 2)
    else:
        assert found.class_logit is None
    assert not found.mask.any()  # what one hides the other shows
    assert not torch.equal(each[0].teacher, each[1].teacher)
