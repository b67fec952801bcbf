//! VMIDs: the lowest free one of the cluster's range.

use super::Ledger;
use std::sync::Arc;

/// Range when the cluster names none: far from what people number by hand.
const DEFAULT_RANGE: (u32, u32) = (5000, 999_999_999);

impl Ledger {
    /// Takes a VMID for good; says who has it otherwise.
    pub(in crate::plan) fn take_vmid(&mut self, cluster: &Arc<str>, vmid: u32, owner: &str) -> Result<(), String> {
        match self.vmids.get(&(cluster.clone(), vmid)) {
            Some(other) if other != owner => Err(other.clone()),
            _ => {
                self.vmids.insert((cluster.clone(), vmid), owner.to_owned());
                Ok(())
            }
        }
    }

    /// Hands a VMID to its recorded owner, whoever the cluster says has it: the guest itself is what the cluster sees.
    pub(in crate::plan) fn keep_vmid(&mut self, cluster: &Arc<str>, vmid: u32, owner: &str) {
        self.vmids.insert((cluster.clone(), vmid), owner.to_owned());
    }

    /// Takes the lowest free VMID of a range; `None`: the range is used up.
    pub(in crate::plan) fn choose_vmid(&mut self, cluster: &Arc<str>, range: Option<(u32, u32)>, owner: &str) -> Option<u32> {
        let (low, high) = range.unwrap_or(DEFAULT_RANGE);
        // Both maps are sorted, so taken ids are met in order and the first gap is the answer.
        let taken = self.vmids.range((cluster.clone(), low)..=(cluster.clone(), high)).map(|((_, vmid), _)| *vmid);
        let fixed = self.fixed_vmids.range(low..=high).filter(|(_, by)| *by != owner).map(|(vmid, _)| *vmid);
        let mut taken: Vec<u32> = taken.chain(fixed).collect();
        taken.sort_unstable();
        let mut candidate = low;
        for taken in taken {
            if taken > candidate {
                break;
            }
            if taken == candidate {
                candidate = candidate.checked_add(1)?;
            }
        }
        (candidate <= high).then(|| {
            self.vmids.insert((cluster.clone(), candidate), owner.to_owned());
            candidate
        })
    }
}
