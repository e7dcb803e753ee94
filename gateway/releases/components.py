"""What can be given or called, and which of it this gateway can enforce."""

from enum import StrEnum


class Component(StrEnum):
    """A component that a stage may offer and the gate can enforce. Others are known and refused at plan time."""

    TEXT = "inference.text"
    EMBEDDINGS = "inference.embeddings"
    LOGPROBS = "inference.logprobs"
    WEIGHTS = "weights.final"


KNOWN = frozenset(
    """
    inference.image inference.audio inference.video inference.action inference.logits
    inference.system_prompt_control inference.seed inference.tool_use inference.code_exec
    inference.computer_use inference.batch inference.streaming inference.reasoning_raw
    inference.reasoning_summary adaptation.finetune adaptation.finetune.sft adaptation.finetune.rft
    adaptation.finetune.lora adaptation.distill_allowed variant.helpful_only
    variant.safeguards_reduced interp.activations interp.gradients interp.steering
    weights.intermediate weights.quantised weights.base weights.optimizer_state weights.adapter
    code.inference code.training code.eval code.preprocessing code.architecture code.libraries
    data.train data.eval data.samples doc.model_card doc.data_card doc.system_card doc.tech_report
    doc.paper doc.eval_results doc.transparency_report doc.model_report detector watermark_key
    safety_classifier
    """.split()  # noqa: SIM905 - fifty lines of quotes would hide what it says
)
"""Components of the field's vocabulary that nothing here enforces yet."""
