//! Machines: cloned from the image's snapshot, shaped, marked; changed; deleted with all that is theirs.
//!
//! A machine is whole when it has its specification in extra data, which is written last. One that is not whole was left by a
//! crash and is made anew. The image is only read.

use super::{
    SetUp, VirtualBox, cannot,
    command::{Patience, Place},
    error::{CallError, Kind},
    inherited::is_foreign_key,
    media, names,
    parse::{self, Info},
    shape::{Shape, Way, WayKind, Wire},
    sight::{Made, Seen},
};
use crate::{
    model::{Image, MachineSpec, NetworkName, NodeName, Power},
    provider::{Done, ProviderError},
};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, TcpListener},
};

/// The machine that nodes are cloned from.
#[derive(Debug, Clone)]
pub(super) struct Base {
    key: String,
    uuid: String,
    snapshot: Option<String>,
    slots: u32,
    disk_mib: u64,
}

/// A clone as it comes from its base.
#[derive(Debug, Clone)]
pub(super) struct Fresh {
    info: Info,
    /// Keys of extra data that it has from its base and must not have.
    foreign: Vec<String>,
}

type Says<'a> = &'a (dyn Fn(&str) + Send + Sync);

fn key_of(image: &Image) -> String {
    format!("{}\0{}", image.name, image.snapshot.as_deref().unwrap_or_default())
}

fn no_image(what: &str, node: &NodeName) -> ProviderError {
    let next = "Say in the layout which machine to clone: image: (name: \"…\", snapshot: \"…\")";
    cannot(what, Some(node), "the drawing names no image, and VirtualBox has none of its own", next)
}

impl VirtualBox {
    /// Makes a machine, off.
    pub(super) async fn create(&self, node: &NodeName, spec: &MachineSpec, says: Says<'_>) -> Result<Done, ProviderError> {
        let what = format!("make the machine {node}");
        let uuid = self.uuid(node);
        let _lock = self.manage.machine(&uuid).await;
        let failed = |error: CallError| self.failed(&what, Some(node), &error);
        let wires = self.wires().await.map_err(failed)?;
        let base = self.base(spec.image.as_ref(), &what, node, says).await?;
        let way = Way::of(spec, &wires, self.free_port(node));
        let shape = self.shaped(node, spec, &wires, way, base.slots, &what)?;
        says("cloning the image");
        // It is tried at once, for nearly always nothing is there; its UUID cannot be had twice.
        if let Err(error) = self.clone_base(node, spec, &base).await {
            if error.kind != Kind::NameTaken {
                self.images.lock().await.clear();
                self.kept().listed = None;
                // Late or cut off, it may be there all the same; then it is not whole and the next try removes it.
                return Err(failed(error));
            }
            let there = self.see(&uuid).await.map_err(failed)?;
            if let Some(there) = there.as_ref().filter(|there| there.made(&self.lab).is_some()) {
                return self.adjust(node, spec, there, &wires, says, &what).await;
            }
            if there.as_ref().is_some_and(Seen::is_inaccessible) {
                let next = "Plan again: its disk may hold data, so it is not replaced without asking";
                return Err(cannot(&what, Some(node), "VirtualBox cannot read the settings of its machine", next));
            }
            says("a part of it was left behind and is removed");
            self.delete_whole(&uuid, &names::machine(&self.lab, node), there.as_ref()).await.map_err(failed)?;
            self.clone_base(node, spec, &base).await.map_err(failed)?;
        }
        let info = match self.shape_clone(&uuid, &shape, &base).await {
            // What a machine that was unregistered by hand has left is where its group's folder is.
            Err(error) if error.kind == Kind::NameTaken => {
                says("a part of it was left behind and is removed");
                let there = self.see(&uuid).await.map_err(failed)?;
                self.delete_whole(&uuid, &names::machine(&self.lab, node), there.as_ref()).await.map_err(failed)?;
                self.clone_base(node, spec, &base).await.map_err(failed)?;
                self.shape_clone(&uuid, &shape, &base).await.map_err(failed)?
            }
            other => other.map_err(failed)?,
        };
        let mut left = self.changes(&shape, &info);
        left.extend(info.inherited.left());
        if !left.is_empty() {
            let why = format!("VirtualBox says that it is done, and these are not so: {}", left.join(" "));
            return Err(cannot(&what, Some(node), why, "Try again"));
        }
        self.fit_clone(node, spec, &info, base.disk_mib, &what).await?;
        if spec.image.as_ref().is_some_and(|image| image.file().is_some()) {
            let uplink = Some(way.slot).filter(|_| way.kind == WayKind::Uplink);
            self.plug_seed(node, spec, &info, uplink).await.map_err(failed)?;
        }
        let made = Made { node: node.clone(), spec: spec.clone(), way };
        self.write_made(&uuid, &BTreeMap::new(), &made).await.map_err(failed)?;
        self.forget_ways();
        self.knows_way(node, way.kind, SetUp::No);
        Ok(Done::Changed)
    }

    /// What a fresh clone is like. All clones of an image are alike, so only the first is looked at.
    async fn fresh(&self, uuid: &str, base: &Base) -> Result<Fresh, CallError> {
        let mut all = self.fresh.lock().await;
        if let Some(fresh) = all.get(&base.key) {
            return Ok(fresh.clone());
        }
        let (info, extra) = tokio::try_join!(self.info(uuid), self.extra(uuid))?;
        let foreign = extra.into_keys().filter(|key| is_foreign_key(key)).collect();
        let fresh = Fresh { info, foreign };
        all.insert(base.key.clone(), fresh.clone());
        Ok(fresh)
    }

    /// Marks and shapes a clone, and looks at what became of it.
    async fn shape_clone(&self, uuid: &str, shape: &Shape, base: &Base) -> Result<Info, CallError> {
        self.set_extra(uuid, &BTreeMap::new(), names::LAB_KEY, Some(self.lab.as_str())).await?;
        let fresh = self.fresh(uuid, base).await?;
        for key in &fresh.foreign {
            self.set_extra(uuid, &BTreeMap::from([(key.clone(), String::new())]), key, None).await?;
        }
        let shaped = self.reshape(uuid, shape, &fresh.info, shape.unseen(&fresh.info)).await;
        let mut info = self.info(uuid).await?;
        if shaped.is_err() || !self.changes(shape, &info).is_empty() || !info.inherited.left().is_empty() {
            self.reshape(uuid, shape, &info, Vec::new()).await?;
            info = self.info(uuid).await?;
        }
        Ok(info)
    }

    /// What `modifyvm` must be told: the shape, and the group. A machine whose folder is in the group's already is left where it is, for
    /// VirtualBox would put it into a second folder of that name below (seen with 7.2.22).
    fn changes(&self, shape: &Shape, info: &Info) -> Vec<String> {
        let mut changes = shape.changes(info);
        let group = names::group(&self.lab);
        let is_inside = info.settings_file.replace('\\', "/").contains(&format!("{group}/"));
        if !is_inside && !info.groups.split(',').any(|there| there == group) {
            changes.extend(["--groups".to_owned(), group]);
        }
        changes
    }

    fn shaped(
        &self,
        node: &NodeName,
        spec: &MachineSpec,
        wires: &BTreeMap<NetworkName, Wire>,
        way: Way,
        slots: u32,
        what: &str,
    ) -> Result<Shape, ProviderError> {
        let shape =
            Shape::of(spec, wires, way).map_err(|why| cannot(what, Some(node), why, "Deploy again, so that the network is made"))?;
        if shape.slots() <= slots {
            return Ok(shape);
        }
        let own = if way.kind == WayKind::Uplink { ", one of them only while it is set up" } else { "" };
        let why = format!("it needs {} adapters{own}, and the image's chipset has {slots}", shape.slots());
        Err(cannot(
            what,
            Some(node),
            why,
            "Draw fewer adapters, or give the image the ICH9 chipset, which has 36: VBoxManage modifyvm IMAGE --chipset ich9",
        ))
    }

    pub(super) async fn info(&self, uuid: &str) -> Result<Info, CallError> {
        let text = self.manage.ask(&["showvminfo", uuid, "--machinereadable"]).await?;
        parse::info(&text).ok_or_else(|| CallError::new(Kind::Other, "VirtualBox cannot read the machine's settings"))
    }

    pub(super) async fn write_made(&self, uuid: &str, extra: &BTreeMap<String, String>, made: &Made) -> Result<(), CallError> {
        let text = serde_json::to_string(made).map_err(|error| CallError::new(Kind::Other, error.to_string()))?;
        self.set_extra(uuid, extra, names::MADE_KEY, Some(&text)).await
    }

    async fn reshape(&self, uuid: &str, shape: &Shape, info: &Info, more: Vec<String>) -> Result<(), CallError> {
        let changes = self.changes(shape, info);
        if !changes.is_empty() {
            let options = more.iter().chain(&changes);
            let args: Vec<&str> = ["modifyvm", uuid].into_iter().chain(options.map(String::as_str)).collect();
            let is_so = || async {
                let now = self.info(uuid).await?;
                Ok(!now.is_locked && self.changes(shape, &now).is_empty())
            };
            self.manage.change(&args, Patience::Short, is_so).await?;
        }
        for call in info.inherited.calls(uuid, &info.disk_places) {
            self.manage.call(&call.iter().map(String::as_str).collect::<Vec<_>>(), Patience::Short).await?;
        }
        Ok(())
    }

    /// The image's machine and snapshot. What is missing is told with what there is.
    async fn base(&self, image: Option<&Image>, what: &str, node: &NodeName, says: Says<'_>) -> Result<Base, ProviderError> {
        let Some(image) = image else { return Err(no_image(what, node)) };
        let key = key_of(image);
        let mut images = self.images.lock().await;
        if let Some(known) = images.get(&key) {
            return Ok(known.clone());
        }
        let image = &self.image_to_clone(image, what, node, says).await?;
        let base = self.find_base(image, key.clone(), what, node).await?;
        images.insert(key, base.clone());
        Ok(base)
    }

    /// Whether an image can be cloned, and what it is. Nothing is imported.
    pub(super) async fn check_image(&self, image: Option<&Image>, node: &NodeName) -> Result<String, ProviderError> {
        let what = "look at the image";
        let Some(image) = image else { return Err(no_image(what, node)) };
        if let Some(name) = image.file() {
            let path = self.check_file(image, name, what, node).await?;
            return Ok(format!("{name} is the file {}", path.display()));
        }
        let key = key_of(image);
        let base = self.find_base(image, key.clone(), what, node).await?;
        let at = base.snapshot.as_ref().map_or_else(String::new, |snapshot| format!(" at {snapshot}"));
        self.images.lock().await.insert(key, base);
        Ok(format!("{}{at} is there", image.name))
    }

    /// The machine and snapshot of an image that is a machine.
    async fn find_base(&self, image: &Image, key: String, what: &str, node: &NodeName) -> Result<Base, ProviderError> {
        let failed = |error: CallError| self.failed(what, Some(node), &error);
        let is_named = |(name, uuid): &&(String, String)| *name == image.name || *uuid == image.name.to_lowercase();
        // Whoever plans has just looked; what is not in it may have come since.
        let listed = self.kept().listed.clone().filter(|(vms, _)| parse::machines(vms).iter().filter(is_named).count() == 1);
        let (vms, disks) = match listed {
            Some(listed) => listed,
            None => tokio::try_join!(self.manage.ask(&["list", "vms"]), self.manage.ask(&["list", "hdds"])).map_err(failed)?,
        };
        let vms = parse::machines(&vms);
        let named: Vec<&(String, String)> = vms.iter().filter(is_named).collect();
        let [(_, uuid)] = named.as_slice() else {
            let why = if named.is_empty() { "does not exist" } else { "is the name of several machines" };
            let names: Vec<&str> = vms.iter().map(|(name, _)| name.as_str()).filter(|name| !name.ends_with(self.lab.as_str())).collect();
            let next = if names.is_empty() {
                "VirtualBox has no machine yet: make the image first, see docs/virtualbox.md".to_owned()
            } else {
                format!("VirtualBox has: {}. Name one of them, or its UUID, in the layout's image", names.join(", "))
            };
            return Err(cannot(what, Some(node), format!("the image {} {why}", image.name), next));
        };
        let info = self.info(uuid).await.map_err(failed)?;
        let snapshot = image.snapshot.clone().or_else(|| info.current_snapshot.clone());
        if let Some(snapshot) = snapshot.as_ref().filter(|snapshot| !info.snapshots.contains(snapshot)) {
            let names = if info.snapshots.is_empty() { "none".to_owned() } else { info.snapshots.join(", ") };
            let next = format!("It has: {names}. Take it with: VBoxManage snapshot \"{}\" take \"{snapshot}\"", image.name);
            return Err(cannot(what, Some(node), format!("the image {} has no snapshot {snapshot}", image.name), next));
        }
        if snapshot.is_none() && !image.full_clone {
            let next =
                format!("Take one with: VBoxManage snapshot \"{}\" take base; or ask for full_clone in the layout's image", image.name);
            return Err(cannot(what, Some(node), format!("the image {} has no snapshot, and linked clones need one", image.name), next));
        }
        let disks = parse::media(&disks);
        let disk_mib = disks.iter().find(|disk| info.disks.first() == Some(&disk.uuid)).map_or(0, |disk| disk.capacity_mib);
        Ok(Base { key, uuid: uuid.clone(), snapshot, slots: info.slots, disk_mib })
    }

    async fn clone_base(&self, node: &NodeName, spec: &MachineSpec, base: &Base) -> Result<(), CallError> {
        let (name, uuid) = (names::machine(&self.lab, node), self.uuid(node));
        let is_full = spec.image.as_ref().is_some_and(|image| image.full_clone);
        // `--groups` would only choose the folder (seen with 7.2.22); the group is set with the shape.
        let mut args = vec!["clonevm", &base.uuid, "--name", &name, "--uuid", &uuid, "--register"];
        args.extend(base.snapshot.iter().flat_map(|snapshot| ["--snapshot", snapshot]));
        if !is_full {
            args.push("--options=Link");
        }
        let patience = if is_full { Patience::Copy } else { Patience::Long };
        // A machine is registered once all of it is there.
        let is_so = || async { self.is_registered(&uuid).await };
        let _alone = self.manage.alone().await;
        self.manage.change(&args, patience, is_so).await
    }

    async fn is_registered(&self, uuid: &str) -> Result<bool, CallError> {
        Ok(parse::machines(&self.manage.ask(&["list", "vms"]).await?).iter().any(|(_, there)| there == uuid))
    }

    /// Whether a machine and all of its disks are gone.
    async fn is_gone(&self, uuid: &str, name: &str) -> Result<bool, CallError> {
        let (is_there, disks) = tokio::try_join!(self.is_registered(uuid), self.manage.ask(&["list", "hdds"]))?;
        Ok(!is_there && media::of_machine(&self.lab, name, &parse::media(&disks)).is_empty())
    }

    /// Keeps how a node is reached, where that is kept.
    pub(super) fn knows_way(&self, node: &NodeName, kind: WayKind, set_up: SetUp) {
        if let Some(ways) = &mut self.kept().ways {
            ways.insert(node.clone(), (kind, set_up));
        }
    }

    /// A port of the host that nobody listens on, for the way in. It is kept for the lab.
    pub(super) fn free_port(&self, node: &NodeName) -> u16 {
        let is_here = matches!(self.manage.place(), Place::Here(_));
        let is_free = |port: u16| !is_here || TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        let start = names::port(&self.lab, node);
        let mut kept = self.kept();
        let port = (start..names::PORTS.1).chain(names::PORTS.0..start).find(|port| !kept.ports.contains(port) && is_free(*port));
        let port = port.unwrap_or(start);
        kept.ports.insert(port);
        port
    }

    /// Makes a machine as drawn.
    pub(super) async fn change(&self, node: &NodeName, spec: &MachineSpec, says: Says<'_>) -> Result<Done, ProviderError> {
        let what = format!("change the machine {node}");
        let uuid = self.uuid(node);
        let failed = |error: CallError| self.failed(&what, Some(node), &error);
        let (wires, there) = tokio::try_join!(self.wires(), self.see(&uuid)).map_err(failed)?;
        match there.filter(|there| there.made(&self.lab).is_some()) {
            Some(there) => {
                let _lock = self.manage.machine(&uuid).await;
                self.adjust(node, spec, &there, &wires, says, &what).await
            }
            None => self.create(node, spec, says).await,
        }
    }

    async fn adjust(
        &self,
        node: &NodeName,
        spec: &MachineSpec,
        there: &Seen,
        wires: &BTreeMap<NetworkName, Wire>,
        says: Says<'_>,
        what: &str,
    ) -> Result<Done, ProviderError> {
        let failed = |error: CallError| self.failed(what, Some(node), &error);
        let uuid = &there.info.uuid;
        let old_way = there.way(&self.lab);
        let mut way = Way::of(spec, wires, old_way.map_or_else(|| self.free_port(node), |way| way.port));
        // Set up once, it is reached as drawn; the uplink does not come back with a change.
        if way.kind == WayKind::Uplink && old_way.is_some_and(|old| old.kind == WayKind::Closed) {
            way.kind = WayKind::Closed;
        }
        let shape = self.shaped(node, spec, wires, way, there.info.slots, what)?;
        let mut is_changed = false;
        if matches!(there.power(), Power::Running | Power::Paused) {
            if there.made(&self.lab).is_some_and(|made| there.size.gib(made.disk_gib) < spec.disk_gib) {
                let why = format!("its disk ({} GiB) can only grow while it is off", spec.disk_gib);
                return Err(cannot(what, Some(node), why, "Turn it off first; a plan does so by itself"));
            }
            let calls = shape.hot_changes(&there.info).map_err(|cold| {
                let why = format!("{} can only be changed while it is off", cold.join(", "));
                cannot(what, Some(node), why, "Turn it off first; a plan does so by itself")
            })?;
            for call in calls {
                let args: Vec<&str> = ["controlvm", uuid].into_iter().chain(call.iter().map(String::as_str)).collect();
                self.manage.call(&args, Patience::Short).await.map_err(failed)?;
                is_changed = true;
            }
        } else {
            // A saved state holds the hardware as it was, so nothing could be changed.
            if there.info.state.contains("saved") {
                self.manage.call(&["discardstate", uuid], Patience::Long).await.map_err(failed)?;
            }
            is_changed = !self.changes(&shape, &there.info).is_empty();
            self.reshape(uuid, &shape, &there.info, Vec::new()).await.map_err(failed)?;
            is_changed |= self.fit_disk(node, spec, &there.info, says, what).await? == Done::Changed;
        }
        let made = Made { node: node.clone(), spec: spec.clone(), way };
        if there.whole(&self.lab).as_ref() != Some(&made) {
            self.write_made(uuid, &there.extra, &made).await.map_err(failed)?;
            is_changed = true;
        }
        self.knows_way(node, way.kind, there.set_up());
        self.forget_ways();
        Ok(if is_changed { Done::Changed } else { Done::AlreadySo })
    }

    /// Removes a machine with its disks and snapshots.
    pub(super) async fn delete(&self, node: &NodeName, says: Says<'_>) -> Result<Done, ProviderError> {
        let what = format!("delete the machine {node}");
        let uuid = self.uuid(node);
        let _lock = self.manage.machine(&uuid).await;
        let failed = |error: CallError| self.failed(&what, Some(node), &error);
        let there = self.see(&uuid).await.map_err(failed)?;
        if let Some(there) = &there
            && matches!(there.power(), Power::Running | Power::Paused)
        {
            says("pulling its plug");
            self.pull_plug(&uuid).await.map_err(failed)?;
        }
        let done = self.delete_whole(&uuid, &names::machine(&self.lab, node), there.as_ref()).await.map_err(failed)?;
        let is_of_file = |there: &Seen| there.made(&self.lab).and_then(|made| made.image).is_some_and(|image| image.file().is_some());
        if there.as_ref().is_some_and(is_of_file) {
            self.leave_images().await.map_err(failed)?;
        }
        if let Some(ways) = &mut self.kept().ways {
            ways.remove(node);
        }
        self.forget_ways();
        Ok(done)
    }

    /// Deletes a machine, or what a delete that failed half-way has left of it: that one unregisters first.
    async fn delete_whole(&self, uuid: &str, name: &str, there: Option<&Seen>) -> Result<Done, CallError> {
        let disks = parse::media(&self.manage.ask(&["list", "hdds"]).await?);
        let own = media::of_machine(&self.lab, name, &disks);
        if let Some(clone) = media::dependent(&own, &disks) {
            return Err(CallError::new(Kind::InUse, format!("a disk is cloned from its own: {}", clone.location)));
        }
        let mut had_disks = !own.is_empty();
        let mut failure = None;
        match there {
            // VirtualBox knows no files of it that it could delete, and fails after it has unregistered it (seen with 7.2.22).
            Some(there) if there.is_inaccessible() => {
                let is_so = || async { Ok(!self.is_registered(uuid).await?) };
                failure = self.manage.change(&["unregistervm", uuid], Patience::Long, is_so).await.err();
            }
            Some(_) => {
                let is_so = || self.is_gone(uuid, name);
                failure = self.manage.change(&["unregistervm", uuid, "--delete"], Patience::Long, is_so).await.err();
            }
            None => {}
        }
        let (vms, left) = tokio::try_join!(self.manage.ask(&["list", "vms"]), self.manage.ask(&["list", "hdds"]))?;
        if parse::machines(&vms).iter().any(|(_, there)| there == uuid) {
            return Err(failure.unwrap_or_else(|| CallError::new(Kind::Other, "VirtualBox says that it deleted it, and it is still there")));
        }
        if !media::of_machine(&self.lab, name, &parse::media(&left)).is_empty() {
            failure = self.close_media(name).await.err();
        }
        if let Some(error) = failure.take_if(|error| error.kind != Kind::NotFound) {
            // What is left of it may be its folder alone: then it is whole away all the same.
            let disks = parse::media(&self.manage.ask(&["list", "hdds"]).await?);
            if !media::of_machine(&self.lab, name, &disks).is_empty() {
                return Err(error);
            }
        }
        self.remove_folder(name).await?;
        had_disks |= self.remove_loose(name, &parse::machines(&vms)).await?;
        Ok(if there.is_some() || had_disks { Done::Changed } else { Done::AlreadySo })
    }
}
