//! Plans, questions and objections: actions whose only effect is consent.

use super::outcome::settle;
use super::reason::Reason;
use super::{Hands, Settlement};
use crate::agent::llm::limits;
use crate::agent::llm::plan;
use crate::agent::llm::turn::Verdict;
use crate::model::EvidenceKind;
use crate::model::{Body, Evidence, Proposal, Step};
use crate::port::{Answer, Desk, FromAgent, Interrupted};

impl Hands {
    pub(super) async fn plan(
        &mut self,
        desk: &mut Desk,
        reason: &Reason,
        steps: Vec<Step>,
    ) -> Result<Settlement, Interrupted> {
        let by = self.by.to_owned();
        desk.send(FromAgent::Plan { by, steps: steps.clone() }).await?;
        // Consent to a plan covers its title, so the title names exactly this plan.
        let title = format!(
            "approve the plan of {} step{} ({})",
            steps.len(),
            if steps.len() == 1 { "" } else { "s" },
            plan::shape(&steps).short()
        );
        let mut proposal = reason.on(title, Body::Plan);
        let lines: Vec<String> = steps.iter().map(|step| format!("- {}", step.title)).collect();
        let words = proposal.rationale.get_or_insert_default();
        words.text = format!("{}\n{}", words.text, lines.join("\n")).trim().to_owned();
        let settled = desk.consent(proposal).await?;
        // The supervisor may have rewritten it while it waited.
        let mut agreed = steps;
        let mut changed = String::new();
        while let Some((steps, told)) = desk.plan_edit()? {
            (agreed, changed) = (steps, told);
        }
        let mut settlement = settle(settled, changed);
        if settlement.acted.verdict == Verdict::Done {
            settlement.acted.plan = Some(agreed);
        }
        Ok(settlement)
    }

    pub(super) async fn ask(&mut self, desk: &mut Desk, what: &str, text: &str) -> Result<Settlement, Interrupted> {
        let line: String = text.lines().next().unwrap_or_default().chars().take(limits::STEP_TITLE_CHARS_MAX).collect();
        let title = format!("{} {what}: {line}", self.by);
        let proposal = Proposal::new(title, Body::Other).because(text, vec![Evidence::new(EvidenceKind::Quote, text)]);
        let settled = desk.consent(proposal).await?;
        // A redirect of a question is its answer.
        let answer = match &settled.answer {
            Answer::Redirected { reason, .. } if what == "question" => {
                Some(format!("The supervisor answers: {reason}"))
            }
            Answer::Approved { note, .. } if what == "question" => Some(match note {
                Some(note) => format!("The supervisor says yes: {note}"),
                None => "The supervisor says yes.".to_owned(),
            }),
            Answer::Approved { .. }
            | Answer::Redirected { .. }
            | Answer::Denied { .. }
            | Answer::Lapsed { .. }
            | Answer::Refused { .. } => None,
        };
        let mut settlement = settle(settled, String::new());
        if let Some(answer) = answer {
            settlement.acted.text = answer;
            settlement.acted.verdict = Verdict::Done;
        }
        Ok(settlement)
    }
}
