//! Waiting until a machine that was turned on answers.
//!
//! A machine that boots is never reset while it works: a first boot may take many minutes (fsck, SELinux relabelling, cloud-init), and
//! a reset in the middle of it can damage the disk. Its counters tell whether it works; one that idles and does not answer hangs.

use super::{VirtualBox, cannot, command::Patience, contact::TRY_EVERY, parse};
use crate::{
    host::ssh::HostKey,
    model::{NodeName, Power},
    provider::{ProviderError, Retry, ssh::SshTransport},
};
use std::time::{Duration, Instant};

/// How often a node that does not answer yet is looked at. Where VBoxManage is slow, a look is followed by so many times the time that it
/// took, so that looks do not slow the boot down.
const LOOK_EVERY: Duration = Duration::from_secs(10);
const LOOK_REST: u32 = 10;
/// How often a node may end while it boots.
const ENDS_MAX: u32 = 2;
/// How often an idle machine is reset within its time.
const RESETS_MAX: u32 = 2;
/// How often a machine is reset whose firmware finds nothing to boot from. Where that is for a moment only (a slow host lets the firmware's
/// search for disks run into its timeout), one reset cures it.
const BOOT_FAILURES_MAX: u32 = 3;
/// What a machine's log says when its firmware has found nothing to boot from, and when it is reset.
const BOOT_FAILURE: &str = "errorID=VMBootFail";
const RESETTING: &str = "to 'RESETTING'";
/// How often it is said how the boot goes.
const SAY_EVERY: Duration = Duration::from_secs(30);
/// The share of its processors' time that they do not wait for interrupts, in percent, from which on a machine works.
const BUSY_PERCENT_MIN: u64 = 10;

/// What a running machine's counters say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counters {
    /// Bytes read from and written to disks, and bytes sent.
    moved: u64,
    /// The share of time for which a processor of it is not halted, in percent: the busiest one's. What VirtualBox itself does for a
    /// guest counts as its work (`pctOther`): where a guest leaves it for each access to a device, that is nearly all.
    busy_percent: u64,
}

impl Counters {
    /// Reads `debugvm … statistics`; `None` where nothing of it is known.
    fn parse(text: &str) -> Option<Self> {
        let (mut known, mut counters) = (false, Self { moved: 0, busy_percent: 0 });
        for element in text.split('<') {
            let Some(name) = attribute(element, "name") else { continue };
            let Some(value) = ["c", "val"].into_iter().find_map(|key| attribute(element, key)?.parse::<u64>().ok()) else { continue };
            let is_moved = ["/BytesRead", "/BytesWritten", "/BytesTransmitted"].iter().any(|end| name.ends_with(end));
            if name.starts_with("/Public/") && is_moved {
                (known, counters.moved) = (true, counters.moved.saturating_add(value));
            } else if name.starts_with("/TM/CPU/") && name.ends_with("/pctHalted") {
                (known, counters.busy_percent) = (true, counters.busy_percent.max(100_u64.saturating_sub(value)));
            }
        }
        known.then_some(counters)
    }
}

/// The value of an attribute of an element of XML.
fn attribute<'a>(element: &'a str, key: &str) -> Option<&'a str> {
    element.split_once(&format!(" {key}=\""))?.1.split('"').next()
}

/// Whether a machine's firmware has found nothing to boot from since the machine was last reset, by VirtualBox's log of it.
fn has_nothing_to_boot(log: &str) -> bool {
    log.lines().rev().find(|line| line.contains(BOOT_FAILURE) || line.contains(RESETTING)).is_some_and(|line| line.contains(BOOT_FAILURE))
}

/// What is to be done about a machine that does not answer yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Wait,
    /// It is idle.
    Reset,
    /// Its firmware has found nothing to boot from.
    ResetFirmware,
    /// Its firmware finds nothing to boot from, again and again.
    NothingToBoot,
    /// Its time is over.
    GiveUp,
}

/// How a boot goes. Times count from its start.
#[derive(Debug, Clone, Copy)]
struct Boot {
    limit: Duration,
    counters: Option<Counters>,
    /// When it was last seen to work, and when it was last looked at. Between two looks nothing is known.
    worked_at: Duration,
    looked_at: Duration,
    resets: u32,
    boot_failures: u32,
    has_nothing_to_boot: bool,
}

impl Boot {
    fn new(limit: Duration) -> Self {
        Self {
            limit,
            counters: None,
            worked_at: Duration::ZERO,
            looked_at: Duration::ZERO,
            resets: 0,
            boot_failures: 0,
            has_nothing_to_boot: false,
        }
    }

    /// Whether it has moved bytes since it was last looked at, as far as is known.
    fn moves(&self, now: Option<Counters>) -> bool {
        now.zip(self.counters).is_none_or(|(now, before)| now.moved != before.moved)
    }

    /// Takes what its counters say now. A machine of which nothing is known is taken to work.
    fn see(&mut self, at: Duration, now: Option<Counters>) {
        let works = self.moves(now) || now.is_some_and(|now| now.busy_percent >= BUSY_PERCENT_MIN);
        if works {
            self.worked_at = at;
        }
        (self.counters, self.looked_at) = (now, at);
    }

    /// For how long it is known to be idle.
    fn idle(&self) -> Duration {
        self.looked_at.saturating_sub(self.worked_at)
    }

    /// The time until the next look, after one that took so long.
    fn rest(&self, took: Duration) -> Duration {
        LOOK_EVERY.max((took * LOOK_REST).min(self.limit / (2 * (RESETS_MAX + 1))))
    }

    fn verdict(&mut self, at: Duration) -> Verdict {
        if std::mem::take(&mut self.has_nothing_to_boot) {
            self.boot_failures += 1;
            (self.worked_at, self.looked_at) = (at, at);
            if self.boot_failures > BOOT_FAILURES_MAX { Verdict::NothingToBoot } else { Verdict::ResetFirmware }
        } else if at >= self.limit {
            Verdict::GiveUp
        } else if self.resets < RESETS_MAX && self.idle() >= self.limit / (RESETS_MAX + 1) {
            self.resets += 1;
            (self.worked_at, self.looked_at) = (at, at);
            Verdict::Reset
        } else {
            Verdict::Wait
        }
    }
}

impl VirtualBox {
    /// Waits until a node answers. One that idles for a third of its time is reset: boots that hang are cured so. One whose firmware
    /// found nothing to boot from is reset at once, a few times. One that ends while it boots is started again. One that has not answered when its time is over is reset as well, so that the next attempt waits
    /// for a fresh boot.
    pub(super) async fn answers(
        &self,
        node: &NodeName,
        transport: &SshTransport,
        says: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<HostKey, ProviderError> {
        let limit = self.options.boot_limit;
        let (mut boot, mut started, mut said) = (Boot::new(limit), Instant::now(), Instant::now());
        let mut look_at = Instant::now() + LOOK_EVERY;
        let mut ends = 0;
        says("waiting until it answers");
        loop {
            let error = match transport.meet().await {
                Ok(key) => return Ok(key),
                Err(error) if error.retry == Retry::Useless => return Err(error),
                Err(error) => error,
            };
            let looked = Instant::now();
            if looked >= look_at {
                if self.revived(node, ends, says).await? {
                    (boot, started, ends) = (Boot::new(limit), Instant::now(), ends + 1);
                }
                let counters = self.counters(node).await;
                // The log is long, and a machine that moves bytes has found something to boot from.
                if !boot.moves(counters) {
                    boot.has_nothing_to_boot = self.log(node).await.is_some_and(|log| has_nothing_to_boot(&log));
                }
                boot.see(started.elapsed(), counters);
                look_at = Instant::now() + boot.rest(looked.elapsed());
            }
            if said.elapsed() >= SAY_EVERY {
                said = Instant::now();
                let idle = boot.idle().as_secs();
                let works = if idle < LOOK_EVERY.as_secs() { "it works".to_owned() } else { format!("idle for {idle} s") };
                says(&format!("booting for {} s of at most {}, {works}", started.elapsed().as_secs(), limit.as_secs()));
            }
            match boot.verdict(started.elapsed()) {
                Verdict::Wait => {}
                Verdict::Reset => {
                    says("it is idle and does not answer, and is reset");
                    self.reset(node).await?;
                }
                Verdict::ResetFirmware => {
                    says("its firmware found nothing to boot from, and it is reset");
                    self.reset(node).await?;
                }
                Verdict::NothingToBoot => {
                    let why = format!("its firmware finds nothing to boot from, {} times in a row", BOOT_FAILURES_MAX + 1);
                    let next = "Start the image by itself in VirtualBox: its first disk must hold a system that boots with the firmware \
                                (BIOS or EFI) that the image's machine has.";
                    return Err(cannot(format!("boot {node}"), Some(node), why, next));
                }
                Verdict::GiveUp => {
                    self.reset(node).await?;
                    let why = format!("{node} did not answer within {} s and was reset: {}", limit.as_secs(), error.why);
                    let next = format!(
                        "See its console: sandtable console LAYOUT {node}. Where it only needs longer, give it more time: {}=900",
                        super::Setting::BootSeconds.spec().variable
                    );
                    return Err(ProviderError { why, next, ..error });
                }
            }
            tokio::time::sleep(TRY_EVERY).await;
        }
    }

    async fn reset(&self, node: &NodeName) -> Result<(), ProviderError> {
        let reset = self.manage.call(&["controlvm", &self.uuid(node), "reset"], Patience::Short).await;
        reset.map(drop).map_err(|error| self.failed(format!("reset {node}"), Some(node), &error))
    }

    /// What a running machine's counters say; `None` where VirtualBox does not tell.
    async fn counters(&self, node: &NodeName) -> Option<Counters> {
        let uuid = self.uuid(node);
        let args = ["debugvm", uuid.as_str(), "statistics", "--pattern", "/Public/*|/TM/CPU/*/pctHalted"];
        Counters::parse(&self.manage.once(&args, Patience::Short).await.ok()?)
    }

    /// VirtualBox's log of a machine since it was turned on; `None` where it cannot be had.
    async fn log(&self, node: &NodeName) -> Option<String> {
        self.manage.once(&["showvminfo", &self.uuid(node), "--log=0"], Patience::Short).await.ok()
    }

    /// Starts a node again that has ended while it booted; gives whether it had. `ends` is how often it did so before.
    async fn revived(&self, node: &NodeName, ends: u32, says: &(dyn Fn(&str) + Send + Sync)) -> Result<bool, ProviderError> {
        let what = format!("boot {node}");
        // This is asked often, and asks far less of VirtualBox than all of a machine.
        let running = self.manage.ask(&["list", "runningvms"]).await.map_err(|error| self.failed(&what, Some(node), &error))?;
        let uuid = self.uuid(node);
        if parse::machines(&running).iter().any(|(_, there)| *there == uuid) {
            return Ok(false);
        }
        let mut seen = self.seen_node(node, &what).await?;
        if seen.power() != Power::Stopped {
            return Ok(false);
        }
        let state = seen.info.state.clone();
        if ends >= ENDS_MAX {
            let next = "See VirtualBox's log in the machine's folder, Logs/VBox.log, and its console: VBoxManage startvm with --type gui";
            return Err(cannot(&what, Some(node), format!("it is {state} again while it boots"), next));
        }
        says(&format!("it is {state} while it boots, and is started again"));
        let _lock = self.manage.machine(&seen.info.uuid).await;
        self.start(node, &mut seen, says, &what).await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn counters(moved: u64, busy_percent: u64) -> Option<Counters> {
        Some(Counters { moved, busy_percent })
    }

    #[test]
    fn counters_are_read() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n<Statistics>\n\
            <U64 val=\"4096\" unit=\"bytes\" name=\"/Public/Storage/AHCI0/Port0/BytesRead\"/>\n\
            <U64 val=\"512\" unit=\"bytes\" name=\"/Public/Storage/AHCI0/Port0/BytesWritten\"/><Counter c=\"60\" unit=\"bytes\" \
            name=\"/Public/NetAdapter/0/BytesTransmitted\"/>\n<Counter c=\"999\" unit=\"bytes\" name=\"/Public/NetAdapter/0/BytesReceived\"/>\n\
            <U8 val=\"97\" unit=\"%\" name=\"/TM/CPU/00/pctHalted\"/>\n<U8 val=\"29\" unit=\"%\" name=\"/TM/CPU/01/pctHalted\"/>\n\
            <U8 val=\"1\" unit=\"%\" name=\"/TM/CPU/01/pctExecuting\"/>\n</Statistics>\n";
        assert_eq!(Counters::parse(text), counters(4668, 71), "what comes in from others says nothing of the guest");
        assert_eq!(Counters::parse("<Statistics>\n</Statistics>\n"), None);
        assert_eq!(Counters::parse(""), None);
    }

    #[test]
    fn a_machine_that_works_is_not_reset_within_its_time() {
        let disk: fn(u64) -> Option<Counters> = |secs| counters(secs * 512, 0);
        let processor: fn(u64) -> Option<Counters> = |_| counters(7, 60);
        let unknown: fn(u64) -> Option<Counters> = |_| None;
        for works in [disk, processor, unknown] {
            let mut boot = Boot::new(at(450));
            for secs in (10..450).step_by(10) {
                boot.see(at(secs), works(secs));
                assert_eq!(boot.verdict(at(secs)), Verdict::Wait, "{secs}");
            }
            assert_eq!(boot.verdict(at(450)), Verdict::GiveUp);
        }
    }

    #[test]
    fn between_two_looks_it_is_not_idle() {
        let mut boot = Boot::new(at(450));
        boot.see(at(10), counters(1, 90));
        assert_eq!(boot.verdict(at(400)), Verdict::Wait, "there was no look since");
        boot.see(at(400), counters(1, 1));
        assert_eq!(boot.verdict(at(401)), Verdict::Reset);
        assert_eq!([at(0), at(3), at(60)].map(|took| boot.rest(took)), [LOOK_EVERY, at(30), at(75)]);
    }

    #[test]
    fn a_boot_failure_is_read_from_the_log() {
        let failure = "00:00:44.237002 VM: Raising runtime error 'VMBootFail' (fFlags=0x0)\n\
            00:00:44.237765 Console: VM runtime error: fatal=false, errorID=VMBootFail message=\"The VM failed to boot.\"\n";
        let reset = "00:07:21.969385 Changing the VM state from 'RUNNING' to 'RESETTING'\n";
        let more = "00:07:22.306754 Changing the VM state from 'RESETTING' to 'RUNNING'\n00:07:23.9 VMMDev: Guest Log: BIOS: Booting\n";
        for (log, wanted) in [
            (String::new(), false),
            (more.to_owned(), false),
            (format!("{failure}{more}"), true),
            (format!("{failure}{reset}{more}"), false),
            (format!("{failure}{reset}{failure}"), true),
        ] {
            assert_eq!(has_nothing_to_boot(&log), wanted, "{log}");
        }
    }

    #[test]
    fn a_machine_with_nothing_to_boot_is_reset_at_once_and_given_up_soon() {
        let mut boot = Boot::new(at(450));
        let mut verdicts = Vec::new();
        for secs in (10..60).step_by(10) {
            // Its firmware waits for a key, which keeps a processor busy.
            boot.see(at(secs), counters(0, 90));
            boot.has_nothing_to_boot = secs > 10;
            verdicts.push(boot.verdict(at(secs)));
        }
        use Verdict::{NothingToBoot, ResetFirmware, Wait};
        assert_eq!(verdicts, [Wait, ResetFirmware, ResetFirmware, ResetFirmware, NothingToBoot]);
    }

    #[test]
    fn an_idle_machine_is_reset_twice_within_its_time() {
        let mut boot = Boot::new(at(450));
        let mut resets = Vec::new();
        for secs in (10..450).step_by(10) {
            // It reads its disk for a minute, then it hangs.
            boot.see(at(secs), counters(secs.min(60), 1));
            if boot.verdict(at(secs)) == Verdict::Reset {
                resets.push(secs);
            }
        }
        assert_eq!(resets, [210, 360]);
        assert_eq!(boot.verdict(at(450)), Verdict::GiveUp);
    }
}
