package access_test

import data.access

suspension := {
	"verb": "suspend",
	"on_unknown": "deny",
	"touches": {"inference.text": "yes", "inference.logprobs": "yes"},
	"restored": {"inference.text": "no", "inference.logprobs": "no"},
	"stage": null,
	"audiences": [],
}

with_verb(verb) := object.union(suspension, {"verb": verb})

touching(truth) := object.union(suspension, {"touches": {"inference.text": truth, "inference.logprobs": truth}})

held_to(facts, audience) := object.union(with_verb("hold"), {
	"stage": object.union(stage, facts),
	"audiences": [audience],
})

narrowed_by(narrowing) := with_facts({"narrowings": [narrowing]})

test_each_verb_that_takes_away_refuses_by_its_code if {
	every verb, code in {"recall": "recalled", "suspend": "suspended", "withdraw": "withdrawn"} {
		access.decision == refused([code]) with input as narrowed_by(with_verb(verb))
	}
}

test_an_embargo_hides_from_whom_it_touches if {
	access.decision == hidden with input as narrowed_by(with_verb("embargo"))
}

test_whoever_is_outside_is_answered_as_before if {
	access.decision == allowed with input as narrowed_by(touching("no"))
}

test_unknown_counts_as_inside_unless_it_says_otherwise if {
	access.decision == refused(["suspended"]) with input as narrowed_by(touching("unknown"))
	lenient := object.union(touching("unknown"), {"on_unknown": "allow"})
	access.decision == allowed with input as narrowed_by(lenient)
}

test_only_who_surely_is_restored_is_let_in_again if {
	whole := object.union(suspension, {"restored": {"inference.text": "yes", "inference.logprobs": "yes"}})
	access.decision == allowed with input as narrowed_by(whole)
	perhaps := object.union(suspension, {"restored": {"inference.text": "unknown"}})
	access.decision == refused(["suspended"]) with input as narrowed_by(perhaps)
}

test_a_component_that_is_narrowed_leaves_the_obligations_of_others if {
	partly := object.union(suspension, {"touches": {"inference.text": "no", "inference.logprobs": "yes"}})
	decision := access.decision with input as narrowed_by(partly)
	decision.allow
	decision.obligations.components == ["inference.text"]
}

test_a_hold_lets_pass_what_both_stages_give if {
	access.decision == allowed with input as narrowed_by(held_to({}, testers))
	access.decision == refused(["held"]) with input as narrowed_by(held_to({}, strangers))
	access.decision == refused(["held"]) with input as narrowed_by(held_to({"offers": []}, testers))
}

test_a_hold_adds_the_conditions_of_the_stage_it_leaves if {
	older := {"requests_per_minute": 5, "tokens_per_day": 100, "retain_days": 30, "log": "metadata+hash"}
	decision := access.decision with input as narrowed_by(held_to({"conditions": older}, testers))
	decision.obligations == {
		"components": ["inference.text", "inference.logprobs"],
		"log": "metadata+hash",
		"max_output_tokens": null,
		"requests_per_minute": 5,
		"retain_days": 30,
		"tokens_per_day": 100,
	}
}

test_a_narrowing_without_a_fact_refuses_whole if {
	every fact, _ in suspension {
		access.decision == hidden with input as narrowed_by(object.remove(touching("no"), [fact]))
	}
}

test_a_narrowing_that_says_nothing_of_the_component_takes_it if {
	silent := object.union(object.remove(suspension, ["touches"]), {"touches": {}})
	access.decision == refused(["suspended"]) with input as narrowed_by(silent)
}
