"""Tasks without a target: what versions are compared by, and what of them is refused."""

from __future__ import annotations

from tests.faults.mutations.changes import always, drop, never, returns, reword, sets, swap
from tests.faults.mutations.kind import _

MEASURED = "tests/unit/pipeline/test_measured.py::test_"
STABLE = "tests/unit/pipeline/test_stability.py::test_"
AGREE = "tests/unit/measures/test_agreement.py::test_"
GOALS = "tests/unit/config/test_goals.py::test_"
EVENTS = (
    "tests/unit/pipeline/test_targets.py::test_events_are_0_or_1_happen_and_rows_last_beyond_the_horizons"
)
GROUPS = "tests/unit/pipeline/test_whole_groups.py::test_"
GATES = "tests/unit/monitoring/test_gates.py::test_"
NIGHTS = "tests/e2e/test_untargeted.py::test_the_first_version_is_promoted_and_the_next_is_compared_with_it"
RULES = "tests/contract/test_estimators.py::test_rules_that_would_learn_are_refused"
SENSE = f"{MEASURED}the_champion_is_compared_in_the_sense_of_the_scores_and_the_first_version_with_nobody"

MUTATIONS = [
    _("scores may be one number", "learning.anomaly:Anomaly.contradiction",
      returns("None"), f"{MEASURED}scores_that_part_no_rows_are_refused"),
    _("all rows may be in one cluster", "learning.clusters:Clusters.contradiction",
      returns("None"), f"{MEASURED}scores_that_part_no_rows_are_refused"),
    _("the oddest rows are those with high scores, whatever is declared", "learning.anomaly:Anomaly.sense",
      returns("1"), f"{STABLE}a_champion_gives_scores_in_the_sense_of_the_new_version",
      "tests/contract/test_tasks.py::test_its_metrics_are_what_others_compute_and_lie_in_their_ranges[anomaly]"),
    _("the champion's scores mean what the new version's do", "pipeline.stability:champion_scores",
      swap("model.judge.sense(model.goal) * then.judge.sense(then.goal) * floats", "floats"),
      f"{STABLE}a_champion_gives_scores_in_the_sense_of_the_new_version"),
    _("the top is of the whole holdout", "learning.anomaly:_mean_over_windows",
      sets("parts", "[rows]"), SENSE),
    _("a window in which all rows are chosen counts", "learning.anomaly:_mean_over_windows",
      swap("len(part.score) > (top := chosen(rows.goal, len(part.score)))",
           "(top := min(chosen(rows.goal, len(part.score)), len(part.score)))"), SENSE),
    _("windows that are left out are not told", "learning.anomaly:Anomaly.left_out", returns("''"), SENSE),
    _("ties at the edge are all in the top", "measures.agreement:in_top",
      swap("np.where(tied, left, 0.0)", "np.where(tied, 1.0, 0.0)"),
      f"{AGREE}ties_at_the_edge_of_the_top_share_its_places"),
    _("the Rand index knows no chance", "measures.agreement:adjusted_rand",
      sets("expected", "0.0"),
      f"{AGREE}the_adjusted_rand_index_is_that_of_scikit_learn_and_does_not_hang_on_names"),
    _("a champion of another task is compared with", "pipeline.stability:champion_scores",
      never("then.judge is not model.judge"), f"{STABLE}a_champion_that_gives_nothing_says_why"),
    _("any column of the champion stands for the measured one", "pipeline.stability:_measured",
      always("len(can) == 1"), f"{STABLE}a_champion_that_gives_nothing_says_why"),
    _("the first version is blocked by what compares with a champion", "pipeline.train:train",
      swap("() if champion else model.judge.comparing(model.goal)", "()"),
      NIGHTS),
    _("a threshold on what compares is never judged", "pipeline.train:train",
      swap("() if champion else model.judge.comparing(model.goal)",
      "model.judge.comparing(model.goal)"), NIGHTS),
    _("what was compared with nobody replaces a champion", "facts.as_facts:version_of",
      sets("excused", "trained.excused"),
      "tests/e2e/test_untargeted.py::"
      "test_a_version_that_was_compared_with_nobody_does_not_replace_a_champion_by_itself"),
    _("every threshold is excused", "monitoring.gates:judge_metrics",
      sets("judged", "[]"),
      f"{GATES}what_compares_with_the_champion_is_not_judged_where_there_is_none"),
    _("that nothing was compared is not told", "pipeline.measuring:_compared", returns("[]"), SENSE),
    _("all rows of every window may be chosen", "pipeline.targets:check_values",
      drop("_refuse_all_chosen(model, data)"),
      "tests/unit/pipeline/test_targets.py::test_more_rows_than_any_scoring_window_has_are_not_chosen"),
    _("a target of a task that has none is passed over", "config.model_target:_has_what_it_needs",
      never("task.target is UsesTarget.NEVER and said is not None"),
      f"{GOALS}what_cannot_be_is_refused_with_its_line"),
    _("a model may lack its target", "config.model_target:_has_what_it_needs",
      never("task.target is UsesTarget.ALWAYS and not says_target(raw)"),
      f"{GOALS}what_cannot_be_is_refused_with_its_line"),
    _("the sense of scikit-learn's scores need not be said", "config.model_goal:check_method",
      never("method in methods and ..."), f"{GOALS}what_cannot_be_is_refused_with_its_line"),
    _("labels are taken for scores", "config.model_goal:check_method",
      never("not method"), f"{GOALS}what_cannot_be_is_refused_with_its_line"),
    _("rules may have weights that nobody uses", "config.model_goal:_refuse_learning",
      never("key in raw.tree.items and raw.values[key]"), f"{GOALS}what_cannot_be_is_refused_with_its_line"),
    _("rules in Python may learn", "runtimes.workers.worker:CodeModel.__init__",
      never("hasattr(self.module, name)"), f"{RULES}[python]"),
    _("rules in R may learn", "runtimes/workers/worker.R",
      reword('if (!learns) c("fit", "save_model", "load_model")', "character()"), f"{RULES}[r]"),
    _("rules in Julia may learn", "runtimes/workers/worker.jl",
      reword("        refuse_learning(found)\n", ""), f"{RULES}[julia]"),
    _("a group may be on both sides of the holdout", "pipeline.whole_groups:on_one_side",
      always("not group"), f"{GROUPS}rows_of_a_group_that_is_held_out_are_held_out"),
    _("a row without a group is in none", "pipeline.whole_groups:on_one_side",
      never("nulls := fit[group].null_count() + held_out[group].null_count()"),
      f"{GROUPS}rows_without_a_group_and_groups_that_never_end_are_refused"),
    _("groups of one row are ordered", "pipeline.whole_groups:refuse_without_order",
      never("not ((sizes['rows'] > 1) & (sizes['most'] > 0)).any()"),
      f"{GROUPS}groups_of_one_row_have_no_order"),
    _("groups without an order count", "learning.ranking:counted",
      swap("[part for part in rows.parts() if len(part) > 1 and rows.truth[part].max() > 0]", "rows.parts()"),
      f"{GROUPS}groups_that_are_left_out_and_rows_that_are_moved_are_told"),
    _("large groups count more", "learning.ranking:shortfall",
      swap("(1 - gain) * len(found) / (len(parts) * len(part))", "1 - gain"),
      "tests/contract/test_tasks.py::"
      "test_its_losses_are_what_others_compute_and_skill_is_of_the_declared_one[ranking]"),
    _("ties are broken by the order of the rows", "measures.gains:ndcg",
      swap("np.unique(-score, return_inverse=True, return_counts=True)",
           "(0, np.argsort(np.argsort(-score)), np.ones(len(score), dtype=int))"),
      "tests/contract/test_tasks.py::"
      "test_its_metrics_are_what_others_compute_and_lie_in_their_ranges[ranking]"),
    _("an event may be missing", "pipeline.targets:check_event",
      never("wrong"), EVENTS),
    _("nothing is known beyond a horizon", "pipeline.targets:check_event",
      never("not (part[model.target].cast(pl.Float64) > last).any()"), EVENTS),
    _("censored rows are events", "learning.survival:Survival.truth_of",
      returns("self.truth(frame[target], goal)"),
      f"{MEASURED}a_censored_row_is_no_event_and_no_survivor"),
    _("a probability may fall with the horizon", "learning.survival:Survival.derive",
      never("falls"),
      f"{MEASURED}a_probability_that_falls_from_one_horizon_to_the_next_is_refused_whenever_rows_are_scored"),
    _("what is censored has no weight", "measures.censored:surviving",
      returns("1.0 + 0 * at"),
      "tests/contract/test_tasks.py::"
      "test_its_metrics_are_what_others_compute_and_lie_in_their_ranges[survival]"),
    _("an estimator may be declared that has no horizons", "config.model_goal:_refuse_learning",
      never("not task.judge(raw.goal).declarable and ..."),
      f"{GOALS}what_cannot_be_is_refused_with_its_line"),
    _("rules get the training data", "pipeline.fitting:_stored",
      swap("frame.iter_slices(CHUNK_ROWS) if model.task.learns else ()", "frame.iter_slices(CHUNK_ROWS)"),
      NIGHTS),
]  # fmt: skip
