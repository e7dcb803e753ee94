package access_test

# What every test starts from: a developer who is admitted to a limited release and may use it.
question := {
	"release": "acme/atlas-1",
	"strategy": "sha256:00",
	"listed": true,
	"component": "inference.text",
	"roles": ["developer"],
	"in_scope": true,
	"stage": stage,
	"future": false,
	"future_access": null,
	"audiences": [testers],
	"future_audiences": [],
	"grant": "active",
	"terms_missing": [],
	"narrowings": [],
}

stage := {
	"name": "now",
	"access": "limited",
	"offers": ["inference.text", "inference.logprobs"],
	"conditions": {"terms": ["aup"], "requests_per_minute": 60},
	"place": "not_needed",
	"concurrence": "not_needed",
	"overdue": false,
	"if_overdue": "warn",
}

testers := {"name": "testers", "truth": "yes", "on_unknown": "deny", "wants_grant": true}

strangers := {"name": "testers", "truth": "no", "on_unknown": "deny", "wants_grant": true}

staff := {"name": "staff", "truth": "no", "on_unknown": "deny", "wants_grant": false}

doubted := {"name": "verified", "truth": "unknown", "on_unknown": "deny", "wants_grant": false}

trusted := {"name": "verified", "truth": "unknown", "on_unknown": "allow", "wants_grant": false}

everybody := {"name": "public", "truth": "yes", "on_unknown": "deny", "wants_grant": false}

allowed := {
	"allow": true,
	"visible": true,
	"reasons": [],
	"obligations": {
		"components": ["inference.text", "inference.logprobs"],
		"log": "metadata",
		"max_output_tokens": null,
		"requests_per_minute": 60,
		"retain_days": null,
		"tokens_per_day": null,
	},
}

hidden := {"allow": false, "visible": false, "reasons": ["model_not_found"], "obligations": null}

refused(reasons) := {"allow": false, "visible": true, "reasons": reasons, "obligations": null}

at_level(level) := object.union(stage, {"access": level})

with_facts(facts) := object.union(question, facts)
