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
    pub(in crate::plan) fn choose_vmid(
        &mut self,
        cluster: &Arc<str>,
        range: Option<(u32, u32)>,
        owner: &str,
    ) -> Option<u32> {
        let (low, high) = range.unwrap_or(DEFAULT_RANGE);
        // Nothing is given back while planning, so the search goes on where the last one ended.
        let cursor = self.next_vmids.get(&(cluster.clone(), low, high)).copied().unwrap_or(low);
        let is_fixed = |vmid: &u32| self.fixed_vmids.get(vmid).is_some_and(|by| by != owner);
        let free =
            (cursor..=high).find(|vmid| !self.vmids.contains_key(&(cluster.clone(), *vmid)) && !is_fixed(vmid))?;
        self.next_vmids.insert((cluster.clone(), low, high), free.checked_add(1)?);
        self.vmids.insert((cluster.clone(), free), owner.to_owned());
        Some(free)
    }
}

#[cfg(test)]
mod tests {
    use super::Ledger;
    use std::sync::Arc;

    #[test]
    fn takes_the_lowest_free_one_around_gaps_and_fixed_ones() {
        let lab: Arc<str> = "lab".into();
        let mut ledger = Ledger::default();
        for (vmid, owner) in [(5000, "`web` on pve1"), (5002, "vm.kept")] {
            ledger.keep_vmid(&lab, vmid, owner);
        }
        ledger.fix_vmid(5003, "vm.fixed");
        let range = Some((5000, 5005));
        let chosen: Vec<_> =
            ["vm.a", "vm.b", "vm.c", "vm.d"].map(|owner| ledger.choose_vmid(&lab, range, owner)).into();
        assert_eq!(chosen, [Some(5001), Some(5004), Some(5005), None]);
        assert_eq!(ledger.choose_vmid(&"home".into(), range, "vm.e"), Some(5000), "clusters have VMIDs of their own");
        assert_eq!(ledger.choose_vmid(&lab, None, "vm.f"), Some(5006), "the default range begins at 5000");
    }

    #[test]
    fn a_taken_one_names_its_owner() {
        let lab: Arc<str> = "lab".into();
        let mut ledger = Ledger::default();
        assert_eq!(ledger.take_vmid(&lab, 7000, "vm.a"), Ok(()));
        assert_eq!(ledger.take_vmid(&lab, 7000, "vm.a"), Ok(()), "it is its own");
        assert_eq!(ledger.take_vmid(&lab, 7000, "vm.b"), Err("vm.a".to_owned()));
    }
}
