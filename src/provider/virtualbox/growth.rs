//! Disks that are to be larger: the disk itself while the machine is off, then the guest's partition and file system once it is on.

use super::{
    VirtualBox, cannot,
    command::Patience,
    error::{CallError, Kind},
    files, media, names,
    parse::{self, Info, Medium},
};
use crate::{
    model::{MachineSpec, NodeName},
    provider::{
        Done, ProviderError,
        transport::{Command, Transport},
    },
};
use std::{collections::BTreeMap, time::Duration};

/// Grows what is on the disk of a guest; its last line says what came of it.
const SCRIPT: &str = include_str!("../../../assets/node/grow.sh");
/// How long that may take.
const GROW_LIMIT: Duration = Duration::from_secs(120);
const MIB_OF_GIB: u64 = 1024;

type Says<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// The disk of a machine as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Size {
    /// Nobody has looked.
    #[default]
    Unknown,
    /// None is plugged in.
    Detached,
    /// So many MiB.
    Mib(u64),
}

impl Size {
    /// Of a machine's first disk; its seed does not count.
    pub(super) fn of(info: &Info, disks: &[Medium]) -> Self {
        if info.state == "inaccessible" {
            return Self::Unknown;
        }
        match main_disk(info, disks) {
            Some(disk) if disk.capacity_mib > 0 => Self::Mib(disk.capacity_mib),
            Some(_) => Self::Unknown,
            // A disk that no list has is there all the same.
            None if info.disks.iter().any(|uuid| !disks.iter().any(|disk| disk.uuid == *uuid)) => Self::Unknown,
            None => Self::Detached,
        }
    }

    /// In GiB, where it is smaller than it was made; a base's disk may be larger than drawn, and that is no difference.
    pub(super) fn gib(self, made: u32) -> u32 {
        match self {
            Self::Unknown => made,
            Self::Detached => 0,
            Self::Mib(mib) => u32::try_from(mib / MIB_OF_GIB).unwrap_or(made).min(made),
        }
    }
}

/// The disk that a machine starts from.
fn main_disk<'a>(info: &Info, disks: &'a [Medium]) -> Option<&'a Medium> {
    let attached = info.disks.iter().filter_map(|uuid| disks.iter().find(|disk| disk.uuid == *uuid));
    attached.into_iter().find(|disk| !is_seed(disk))
}

fn is_seed(disk: &Medium) -> bool {
    disk.location.replace('\\', "/").rsplit('/').next() == Some(files::SEED_FILE)
}

impl VirtualBox {
    /// Makes the disk of a machine that is off as large as drawn, and plugs it in where it was pulled out.
    pub(super) async fn fit_disk(
        &self,
        node: &NodeName,
        spec: &MachineSpec,
        info: &Info,
        says: Says<'_>,
        what: &str,
    ) -> Result<Done, ProviderError> {
        let failed = |error: CallError| self.failed(what, Some(node), &error);
        let disks = parse::media(&self.manage.ask(&["list", "hdds"]).await.map_err(failed)?);
        match Size::of(info, &disks) {
            Size::Detached => {
                says("plugging its disk in");
                self.plug_disk(node, info, &disks, what).await?;
                let info = self.info(&info.uuid).await.map_err(failed)?;
                let wanted = u64::from(spec.disk_gib) * MIB_OF_GIB;
                if let Some(disk) = main_disk(&info, &disks).filter(|disk| disk.capacity_mib < wanted) {
                    self.grow(node, &info.uuid, disk, wanted, what).await?;
                }
                Ok(Done::Changed)
            }
            Size::Mib(mib) if mib < u64::from(spec.disk_gib) * MIB_OF_GIB => {
                let Some(disk) = main_disk(info, &disks) else { return Ok(Done::AlreadySo) };
                says("growing its disk");
                self.grow(node, &info.uuid, disk, u64::from(spec.disk_gib) * MIB_OF_GIB, what).await?;
                Ok(Done::Changed)
            }
            Size::Mib(_) | Size::Unknown => Ok(Done::AlreadySo),
        }
    }

    /// Makes the disk of a fresh clone as large as drawn, where its base's is smaller.
    pub(super) async fn fit_clone(
        &self,
        node: &NodeName,
        spec: &MachineSpec,
        info: &Info,
        base_mib: u64,
        what: &str,
    ) -> Result<(), ProviderError> {
        let wanted = u64::from(spec.disk_gib) * MIB_OF_GIB;
        match info.disks.first() {
            Some(uuid) if base_mib > 0 && base_mib < wanted => {
                let disk = Medium { uuid: uuid.clone(), parent: None, location: String::new(), capacity_mib: base_mib };
                self.grow(node, &info.uuid, &disk, wanted, what).await
            }
            _ => Ok(()),
        }
    }

    /// Grows the disk that a machine writes to. Its snapshots stay as large as they were.
    async fn grow(&self, node: &NodeName, uuid: &str, disk: &Medium, wanted: u64, what: &str) -> Result<(), ProviderError> {
        let failed = |error: CallError| self.failed(what, Some(node), &error);
        let is_so = || async {
            let disks = parse::media(&self.manage.ask(&["list", "hdds"]).await?);
            Ok(disks.iter().any(|there| there.uuid == disk.uuid && there.capacity_mib >= wanted))
        };
        // `--resize` refuses to make a small disk very much larger; the size in bytes is taken as meant (seen with 7.2.22).
        let args = ["modifymedium", "disk", &disk.uuid, "--resizebyte", &(wanted << 20).to_string()];
        let resized = self.manage.change(&args, Patience::Long, is_so).await;
        if !is_so().await.map_err(failed)? {
            let error = resized.err().unwrap_or_else(|| CallError::new(Kind::Other, "VirtualBox says that it grew it, and it has not"));
            if error.is_worth_a_retry() {
                return Err(failed(error));
            }
            let mib = disk.capacity_mib;
            let why = format!("its disk stays at {mib} MiB, {wanted} MiB are drawn: {error}");
            let next = format!(
                "Disks in the formats VDI and VHD can grow. Draw a disk of {} GiB, or make the image's disk a VDI (VBoxManage clonemedium) \
                 and the node anew",
                mib / MIB_OF_GIB
            );
            return Err(cannot(what, Some(node), why, next));
        }
        self.set_extra(uuid, &BTreeMap::new(), names::GROWN_KEY, Some(&wanted.to_string())).await.map_err(failed)?;
        self.forget_ways();
        Ok(())
    }

    /// Plugs the one disk of a machine's own folder in that nothing is made of.
    async fn plug_disk(&self, node: &NodeName, info: &Info, disks: &[Medium], what: &str) -> Result<(), ProviderError> {
        let own = media::of_machine(&self.lab, &names::machine(&self.lab, node), disks);
        let is_parent = |uuid: &str| disks.iter().any(|disk| disk.parent.as_deref() == Some(uuid));
        let free: Vec<&&Medium> = own.iter().filter(|disk| !is_seed(disk) && !is_parent(&disk.uuid)).collect();
        let ([disk], Some((controller, port, device))) = (free.as_slice(), info.free_ports.first()) else {
            let why = format!("its disk was pulled out, and {} disks in its folder could be it", free.len());
            return Err(cannot(
                what,
                Some(node),
                why,
                "Plug it in in VirtualBox's window (Settings, Storage), or delete the machine there",
            ));
        };
        let (port, device) = (port.to_string(), device.to_string());
        let place = ["--storagectl", controller, "--port", &port, "--device", &device, "--type", "hdd", "--medium", &disk.uuid];
        let args = [["storageattach", info.uuid.as_str()].as_slice(), &place].concat();
        self.manage.call(&args, Patience::Short).await.map_err(|error| self.failed(what, Some(node), &error))?;
        Ok(())
    }

    /// Grows what is on a disk that has grown, in the guest, and says where that cannot be done. It keeps nothing from starting.
    pub(super) async fn grow_inside(&self, node: &NodeName, uuid: &str, says: Says<'_>) -> Result<(), CallError> {
        let extra = self.extra(uuid).await?;
        let Some(mib) = extra.get(names::GROWN_KEY) else { return Ok(()) };
        let ran = match self.way_in(node).await {
            Ok(way) => way.run(Command::script(SCRIPT, GROW_LIMIT)).await,
            Err(error) => Err(error),
        };
        let came = match ran {
            Ok(output) => String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or("it said nothing").to_owned(),
            Err(error) => error.why,
        };
        match came.as_str() {
            "grown" => says(&format!("its partition and file system fill the disk of {mib} MiB now")),
            "whole" => says(&format!("its file system fills the disk of {mib} MiB")),
            why => says(&format!("its disk has {mib} MiB, and the partition in it was not grown: {why}. Grow it in the guest")),
        }
        self.set_extra(uuid, &extra, names::GROWN_KEY, None).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn medium(uuid: &str, location: &str, capacity_mib: u64) -> Medium {
        Medium { uuid: uuid.into(), parent: None, location: location.into(), capacity_mib }
    }

    #[test]
    fn the_size_is_the_disks_and_not_the_seeds() {
        let disks = [medium("s", "/m/n1/seed.vdi", 1), medium("d", "C:\\m\\n1\\{x}.vdi", 10_240), medium("z", "/m/z.vdi", 0)];
        let info = |uuids: &[&str]| Info { disks: uuids.iter().map(|uuid| (*uuid).to_owned()).collect(), ..Info::default() };
        assert_eq!(Size::of(&info(&["s", "d"]), &disks), Size::Mib(10_240));
        assert_eq!(Size::of(&info(&["s"]), &disks), Size::Detached);
        assert_eq!(Size::of(&info(&[]), &disks), Size::Detached);
        assert_eq!(Size::of(&info(&["other"]), &disks), Size::Unknown);
        assert_eq!(Size::of(&info(&["z"]), &disks), Size::Unknown);
    }

    #[test]
    fn a_disk_that_is_larger_than_drawn_is_no_difference() {
        assert_eq!([Size::Mib(20_480), Size::Mib(10_240), Size::Unknown].map(|size| size.gib(10)), [10, 10, 10]);
        assert_eq!([Size::Mib(9_000), Size::Mib(64), Size::Detached].map(|size| size.gib(10)), [8, 0, 0]);
    }

    /// The script on a machine that has what it needs: findmnt says where / is, the other tools write down how they were called.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_in_the_way_of_growing_is_said() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let said = |source: &str, kind: &str| {
            let tool = folder.path().join("findmnt");
            std::fs::write(&tool, format!("#!/bin/sh\ncase $3 in FSTYPE) echo {kind} ;; *) echo '{source}' ;; esac\n")).unwrap();
            std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
            let script = SCRIPT.replace("PATH=/usr/sbin", &format!("PATH={}:/usr/sbin", folder.path().display()));
            let ran = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
            String::from_utf8(ran.stdout).unwrap().trim().to_owned()
        };
        assert!(said("/dev/mapper/rl-root", "xfs").contains("logical volume (/dev/mapper/rl-root)"));
        assert!(said("overlay", "overlay").contains("/ is on overlay"));
        assert!(said("/dev/there-is-none", "ext4").contains("nothing about /dev/there-is-none"));
    }
}
