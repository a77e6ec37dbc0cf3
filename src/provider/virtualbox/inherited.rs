//! What a clone has from its base and no layout describes: ways from the guest to files and devices of the host, and into the guest.
//! What it is, and the calls that take it away. Pure.
//!
//! Controllers of USB stay: pointing devices of some guests are behind them, and without a filter nothing of the host's is.

/// What is there of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inherited {
    options: Vec<String>,
    shared_folders: Vec<String>,
    usb_filters: usize,
    drives: Vec<Drive>,
    bandwidth_groups: Vec<String>,
}

/// A drive with something in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Drive {
    controller: String,
    port: u32,
    device: u32,
    kind: &'static str,
}

/// Keys of extra data that configure devices behind VirtualBox's settings: they can name any file of the host.
const INTERNAL_KEYS: &str = "VBoxInternal";

/// Whether a key of a base's extra data must not be a clone's: what configures devices, and what is noted of a node.
pub fn is_foreign_key(key: &str) -> bool {
    let notes = [super::names::MADE_KEY, super::names::HOST_KEYS_KEY, super::names::NOTE_PREFIX, super::names::GROWN_KEY];
    key.starts_with(INTERNAL_KEYS) || notes.iter().any(|note| key.starts_with(note))
}

impl Inherited {
    /// What the fields of a machine say.
    pub fn of(fields: &[(String, String)]) -> Self {
        let mut found = Self::default();
        for (key, value) in fields {
            let value = value.as_str();
            let numbered = |stem: &str| key.strip_prefix(stem).filter(|rest| rest.parse::<u32>().is_ok());
            match key.as_str() {
                "vrde" if value == "on" => found.set("--vrde", "off"),
                "clipboard" if !matches!(value, "disabled" | "") => found.set("--clipboard-mode", "disabled"),
                "clipboard_file_transfers" if value == "on" => found.set("--clipboard-file-transfers", "disabled"),
                "draganddrop" if !matches!(value, "disabled" | "") => found.set("--draganddrop", "disabled"),
                "audio" if !matches!(value, "none" | "null" | "") => found.set("--audio", "none"),
                "recording_enabled" if value == "on" => found.set("--recording", "off"),
                "teleporterenabled" if value == "on" => found.set("--teleporter", "off"),
                "autostart-enabled" if value == "on" => found.set("--autostart-enabled", "off"),
                _ => {}
            }
            // A port of the guest stays, for some systems write to it and wait; nothing is behind it.
            if let Some(number) = numbered("uartmode").filter(|_| value != "disconnected") {
                found.set(&format!("--uartmode{number}"), "disconnected");
            } else if let Some(number) = numbered("lpt").filter(|_| value != "off") {
                found.set(&format!("--lpt{number}"), "off");
            } else if numbered("SharedFolderNameMachineMapping").is_some() {
                found.shared_folders.push(value.to_owned());
            } else if numbered("USBFilterActive").is_some() {
                found.usb_filters += 1;
            } else if numbered("BandwidthGroup").is_some() {
                found.bandwidth_groups.push(value.to_owned());
            }
        }
        // Whether it limits adapters or disks is not told apart.
        if !found.bandwidth_groups.is_empty() {
            for (key, _) in fields.iter().filter(|(_, kind)| kind != "none") {
                if let Some(slot) = key.strip_prefix("nic").filter(|rest| rest.parse::<u32>().is_ok()) {
                    found.set(&format!("--nicbandwidthgroup{slot}"), "none");
                }
            }
        }
        found.drives = drives(fields);
        found
    }

    fn set(&mut self, option: &str, value: &str) {
        self.options.extend([option.to_owned(), value.to_owned()]);
    }

    /// What `modifyvm` must be told.
    pub fn options(&self) -> &[String] {
        &self.options
    }

    /// The other calls, after that.
    pub fn calls(&self, uuid: &str, disks: &[(String, u32, u32)]) -> Vec<Vec<String>> {
        let call = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let place = |controller: &str, port: u32, device: u32| {
            let (port, device) = (port.to_string(), device.to_string());
            call(&["storageattach", uuid, "--storagectl", controller, "--port", &port, "--device", &device])
        };
        let mut calls: Vec<Vec<String>> = Vec::new();
        calls.extend(self.shared_folders.iter().map(|name| call(&["sharedfolder", "remove", uuid, "--name", name])));
        calls.extend((0..self.usb_filters).map(|_| call(&["usbfilter", "remove", "0", "--target", uuid])));
        calls.extend(self.drives.iter().map(|drive| {
            let mut words = place(&drive.controller, drive.port, drive.device);
            words.extend(call(&["--type", drive.kind, "--medium", "emptydrive"]));
            words
        }));
        if !self.bandwidth_groups.is_empty() {
            calls.extend(disks.iter().map(|(controller, port, device)| {
                let mut words = place(controller, *port, *device);
                words.extend(call(&["--bandwidthgroup", "none"]));
                words
            }));
        }
        calls.extend(self.bandwidth_groups.iter().map(|name| call(&["bandwidthctl", uuid, "remove", name])));
        calls
    }

    /// What is left of it, in words; empty where nothing is.
    pub fn left(&self) -> Vec<String> {
        let mut left: Vec<String> = self.options.chunks(2).map(|pair| pair.join(" ")).collect();
        left.extend(self.shared_folders.iter().map(|name| format!("the shared folder {name}")));
        left.extend((self.usb_filters > 0).then(|| format!("{} USB filters", self.usb_filters)));
        left.extend(self.drives.iter().map(|drive| format!("the medium in a drive at {} {}", drive.controller, drive.port)));
        left.extend(self.bandwidth_groups.iter().map(|name| format!("the bandwidth group {name}")));
        left
    }
}

/// A place that something is plugged into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attached {
    pub(super) controller: String,
    pub(super) port: u32,
    pub(super) device: u32,
    /// `hdd`, `dvddrive` or `fdd`.
    pub(super) kind: &'static str,
    /// The medium; empty where it is an empty drive.
    pub(super) uuid: String,
    is_empty: bool,
}

/// All that is plugged into a machine's controllers.
pub(super) fn attached(fields: &[(String, String)]) -> Vec<Attached> {
    let of = |stem: &'static str| fields.iter().filter_map(move |(key, value)| Some((key.strip_prefix(stem)?, value.as_str())));
    let kinds: Vec<(&str, &str)> = of("storagecontrollertype").collect();
    let is_floppy = |number: &str| kinds.iter().any(|(other, kind)| *other == number && *kind == "I82078");
    let get = |key: &str| fields.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    let mut all = Vec::new();
    for (number, controller) in of("storagecontrollername") {
        for (key, value) in fields {
            let at = key.strip_prefix(controller).and_then(|rest| rest.strip_prefix('-')?.split_once('-'));
            let Some((port, device)) = at.and_then(|(port, device)| Some((port.parse().ok()?, device.parse().ok()?))) else { continue };
            if value == "none" {
                continue;
            }
            // Only drives can eject.
            let is_drive = get(&format!("{controller}-IsEjected-{port}-{device}")).is_some() || value == "emptydrive";
            let kind = if is_floppy(number) {
                "fdd"
            } else if is_drive {
                "dvddrive"
            } else {
                "hdd"
            };
            let uuid = get(&format!("{controller}-ImageUUID-{port}-{device}")).unwrap_or_default().to_lowercase();
            all.push(Attached { controller: controller.to_owned(), port, device, kind, uuid, is_empty: value == "emptydrive" });
        }
    }
    all
}

fn drives(fields: &[(String, String)]) -> Vec<Drive> {
    let filled = attached(fields).into_iter().filter(|at| at.kind != "hdd" && !at.is_empty);
    filled.map(|Attached { controller, port, device, kind, .. }| Drive { controller, port, device, kind }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::virtualbox::parse::fields;

    /// As 7.2.22 shows a clone of a base that has all of it.
    const SHOWN: &str = r#"storagecontrollername0="SATA"
storagecontrollertype0="IntelAhci"
storagecontrollername1="FD"
storagecontrollertype1="I82078"
"SATA-0-0"="/m/c1/Snapshots/{8d10}.vdi"
"SATA-ImageUUID-0-0"="8D10"
"SATA-hot-pluggable-0-0"="off"
"SATA-1-0"="/tmp/x.iso"
"SATA-ImageUUID-1-0"="af34"
"SATA-IsEjected-1-0"="off"
"SATA-2-0"="emptydrive"
"SATA-IsEjected-2-0"="off"
"SATA-3-0"="none"
"FD-0-0"="/tmp/f.img"
"FD-ImageUUID-0-0"="2783"
nic1="nat"
nic2="none"
uart1="0x03f8,4"
uartmode1="file,/tmp/serial.log"
uart2="0x02f8,3"
uartmode2="disconnected"
lpt1="0x0378,7"
lptmode1="/dev/lp0"
lpt2="off"
audio="default"
clipboard="bidirectional"
clipboard_file_transfers="off"
draganddrop="hosttoguest"
vrde="on"
USBFilterActive1="on"
USBFilterName1="f1"
USBFilterActive2="off"
BandwidthGroup0="lim",Network,2500000
SharedFolderNameMachineMapping1="host"
SharedFolderPathMachineMapping1="/"
recording_enabled="on"
"#;

    #[test]
    fn all_that_leads_to_the_host_is_found_and_taken_away() {
        let fields = fields(SHOWN);
        let found = Inherited::of(&fields);
        let options = found.options().join(" ");
        for option in [
            "--uartmode1 disconnected",
            "--lpt1 off",
            "--audio none",
            "--clipboard-mode disabled",
            "--draganddrop disabled",
            "--vrde off",
            "--recording off",
            "--nicbandwidthgroup1 none",
        ] {
            assert!(options.contains(option), "{option}: {options}");
        }
        assert!(!options.contains("uartmode2") && !options.contains("lpt2") && !options.contains("group2"), "{options}");
        let calls: Vec<String> = found.calls("u", &[("SATA".into(), 0, 0)]).iter().map(|call| call.join(" ")).collect();
        assert_eq!(
            calls,
            [
                "sharedfolder remove u --name host",
                "usbfilter remove 0 --target u",
                "usbfilter remove 0 --target u",
                "storageattach u --storagectl SATA --port 1 --device 0 --type dvddrive --medium emptydrive",
                "storageattach u --storagectl FD --port 0 --device 0 --type fdd --medium emptydrive",
                "storageattach u --storagectl SATA --port 0 --device 0 --bandwidthgroup none",
                "bandwidthctl u remove lim",
            ]
        );
        assert_eq!(found.left().len(), 8 + 1 + 1 + 2 + 1);
        let disks: Vec<String> = attached(&fields).into_iter().filter(|at| at.kind == "hdd").map(|at| at.uuid).collect();
        assert_eq!(disks, ["8d10"]);
    }

    #[test]
    fn a_plain_machine_has_nothing_of_it() {
        let plain =
            "nic1=\"nat\"\nuart1=\"off\"\nlpt1=\"off\"\naudio=\"none\"\nclipboard=\"disabled\"\ndraganddrop=\"disabled\"\nvrde=\"off\"\n";
        assert_eq!(Inherited::of(&fields(plain)), Inherited::default());
        assert!(is_foreign_key("VBoxInternal2/x") && is_foreign_key("sandtable/made~1") && !is_foreign_key("GUI/x"));
    }
}
