//! What functions see of the outside: files, times, and bytes that are random once and the same whenever they are asked for again.

use super::expression::FunctionWorld;
use super::frame::Frame;
use super::input::World;
use super::load;
use super::program::{Program, Repeated};
use super::stack::Stack;
use crate::diagnostics::{Diagnostics, Span};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// When changes are applied, and what is random then. With it `timestamp()`, `uuid()` and `bcrypt()` give values; each call gives the same
/// value every time its block is evaluated, so that what two blocks make of one local value agrees.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// What `timestamp()` gives.
    pub time: jiff::Timestamp,
    /// What random bytes are made from; nobody else may know it.
    pub seed: [u8; 32],
}

impl Stack {
    /// Returns the stack as it is evaluated while its changes are applied.
    ///
    /// # Errors
    ///
    /// A `validation` that was not decided while planning, and does not hold.
    pub fn applied_at(&self, moment: Moment) -> Result<Self, Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        let program = Program { moment: Some(moment), ..self.program.blank(self.program.lookups.clone()) };
        let stack = load::build(&self.origin, program, &mut diagnostics);
        match stack.filter(|_| !diagnostics.has_errors()) {
            // Which blocks there are was settled by the plan.
            Some(stack) => Ok(Self { program: stack.program, ..self.clone() }),
            None => Err(diagnostics),
        }
    }
}

impl FunctionWorld for Frame<'_> {
    fn files(&self) -> &dyn World {
        &*self.run.program.world
    }

    fn plan_time(&self) -> jiff::Timestamp {
        self.run.program.now
    }

    fn apply_time(&self) -> Option<jiff::Timestamp> {
        self.run.program.moment.map(|moment| moment.time)
    }

    fn random(&self, site: Span) -> Option<[u8; 16]> {
        let Moment { seed, .. } = self.run.program.moment?;
        let mut drawn = self.drawn.borrow_mut();
        let count = drawn.entry(site).or_insert(0_u32);
        *count += 1;
        let key: Option<Arc<str>> = match &self.repeated {
            Repeated::Single | Repeated::Open => None,
            Repeated::Count(index) => Some(index.to_string().into()),
            Repeated::Each(key, _) => Some(key.clone()),
        };
        let name = format!("{} {:?} {:?} {count}", self.run.program.instances[self.instance].path, key, site);
        let digest = Sha256::new().chain_update(seed).chain_update(name).finalize();
        Some(digest[..16].try_into().expect("a digest has 32 bytes"))
    }
}
