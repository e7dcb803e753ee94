package access

# METADATA
# title: No narrowing takes a component
# description: >
#   Every narrowing must let it pass, so that one whose facts are not all there takes everything.
_no_narrowing_takes(component) if {
	every narrowing in input.narrowings {
		_lets_pass(narrowing, component)
	}
}

# METADATA
# title: A narrowing lets a component pass
# description: >
#   The use is surely outside its scope; or it is unknown whether, and the narrowing says that this
#   counts as outside; or the use is surely among those for whom it was restored; or it leaves an
#   earlier stage, which admits the caller and offers the component.
# scope: document
_lets_pass(narrowing, component) if _is_outside(narrowing, component)

_lets_pass(narrowing, component) if {
	narrowing.verb in {"hold", "roll_back"}
	component in narrowing.stage.offers
	_level_gives(narrowing.stage.access, component)
	_stage_left_admits(narrowing)
	stage_left_lets_enter(narrowing.stage)
}

# METADATA
# title: Existence may be told
# description: An embargo hides the release from those in its scope, whoever admits them.
existence_may_be_told if {
	every narrowing in input.narrowings {
		_may_be_told(narrowing)
	}
}

# METADATA
# title: Conditions that narrowings add
# description: Those of each stage that this use was narrowed to.
narrowed_conditions contains narrowing.stage.conditions if {
	some narrowing in input.narrowings
	narrowing.verb in {"hold", "roll_back"}
	not _is_outside(narrowing, input.component)
}

# METADATA
# title: recalled
# description: The provider calls the release back.
obstacles contains "recalled" if _taken_by("recall")

# METADATA
# title: withdrawn
# description: The provider offers the release no longer.
obstacles contains "withdrawn" if _taken_by("withdraw")

# METADATA
# title: suspended
# description: The provider has suspended the release for the caller.
obstacles contains "suspended" if _taken_by("suspend")

# METADATA
# title: held
# description: The provider holds the release at an earlier stage, which does not give this.
# scope: document
obstacles contains "held" if _taken_by("hold")

obstacles contains "held" if _taken_by("roll_back")

_taken_by(verb) if {
	some narrowing in input.narrowings
	narrowing.verb == verb
	not _lets_pass(narrowing, input.component)
}

_may_be_told(narrowing) if narrowing.verb in {"hold", "recall", "roll_back", "suspend", "withdraw"}

_may_be_told(narrowing) if _lets_pass(narrowing, input.component)

_is_outside(narrowing, component) if narrowing.touches[component] == "no"

_is_outside(narrowing, component) if {
	narrowing.touches[component] == "unknown"
	narrowing.on_unknown == "allow"
}

_is_outside(narrowing, component) if narrowing.restored[component] == "yes"

_level_gives("open-weights", _)

_level_gives(level, component) if {
	level in {"api", "closed", "limited"}
	component != "weights.final"
}

_stage_left_admits(narrowing) if {
	some audience in narrowing.audiences
	audience.truth == "yes"
}

_stage_left_admits(narrowing) if {
	narrowing.stage.access in {"api", "limited", "open-weights"}
	some audience in narrowing.audiences
	audience.truth == "unknown"
	audience.on_unknown == "allow"
}
