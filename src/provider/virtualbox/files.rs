//! Images that are files: cloud images as disks or appliances. Each becomes a machine of ours once, with a snapshot, and nodes are
//! cloned from that like from any other; it is removed when the last lab that uses it has left. VirtualBox never reads the file that the
//! layout names, only a copy that was checked ([`super::image`]).

use super::{
    Place, VirtualBox, cannot,
    command::Patience,
    error::{CallError, Kind},
    image::{
        Format,
        source::{Ready, Source},
    },
    media, names,
    parse::{self, Info},
    seed::{BYTES, Pair, Seed, USER, cards, public_of},
};
use crate::{
    host::{
        folder::open_named,
        ssh::{Become, HostKey, LoginKey},
    },
    model::{Arch, Family, Image, MachineSpec, NodeName},
    provider::ProviderError,
};
use std::{
    fs::Metadata,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// The snapshot that clones are made of.
const SNAPSHOT: &str = "base";
/// The file of the private key with which Sandtable gets into such machines, in the lab's state folder.
const LOGIN_FILE: &str = "login-key";
/// The seed's file in a machine's folder.
pub(super) const SEED_FILE: &str = "seed.vdi";
/// Ports of the controller that such a machine has: its disk, the seed, and room.
const PORTS: &str = "4";

/// What VirtualBox calls the systems of a family.
fn system(family: Family) -> &'static str {
    match family {
        Family::Debian => "Debian_64",
        Family::Ubuntu => "Ubuntu_64",
        Family::Rocky => "RedHat_64",
        Family::Fedora => "Fedora_64",
        Family::Other => "Linux_64",
    }
}

/// Whether a machine is made from an image that is a file, and so has a seed.
fn is_seeded(spec: &MachineSpec) -> bool {
    spec.image.as_ref().is_some_and(|image| image.file().is_some())
}

type Says<'a> = &'a (dyn Fn(&str) + Send + Sync);

impl VirtualBox {
    /// The image to clone: what is drawn, or the machine that its file has become.
    pub(super) async fn image_to_clone(&self, image: &Image, what: &str, node: &NodeName, says: Says<'_>) -> Result<Image, ProviderError> {
        let Some(name) = image.file() else { return Ok(image.clone()) };
        let refuse = |why: String, next: &str| cannot(what, Some(node), why, next);
        let Some(files) = self.options.files.clone() else {
            return Err(refuse(format!("the image {name} is a file, and the lab has no folder"), "Save the layout first"));
        };
        let (source, about) = self.source(image, name, what, node)?;
        let changed = about.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        // Images of versions that did not look into files have other names.
        let identity = format!("checked\0{}\0{}\0{}", source.path.display(), about.len(), changed.as_nanos());
        let base = names::ImageMachine::of(&source.path, &identity);
        let failed = |error: CallError| self.failed(what, Some(node), &error);
        let _alone = self.manage.alone().await;
        let uuid = match self.whole_image(&base).await.map_err(failed)? {
            Some(uuid) => {
                source.allowed(&self.lab, &files.state).await.map_err(|refused| refused.explain(what, node))?;
                uuid
            }
            None => {
                says(&format!("importing {name}, once for all labs that use it"));
                self.kept().listed = None;
                let path = source.path.clone();
                let ready = source.ready(&self.lab, &files.state).await.map_err(|refused| refused.explain(what, node))?;
                match self.import_image(&base, ready, image.family).await {
                    Ok(uuid) => uuid,
                    Err(error) => {
                        // What is left of it would go with the next try; nobody may want one.
                        let _nothing_left = self.whole_image(&base).await;
                        return Err(unreadable(&path, failed(error)));
                    }
                }
            }
        };
        // A lab says that it is here before it clones, so that none that leaves takes the image away.
        self.use_image(&uuid).await.map_err(failed)?;
        Ok(Image { name: uuid, snapshot: Some(SNAPSHOT.into()), ..image.clone() })
    }

    /// The place of an image's file that can become a disk, judged as when it is imported. Nothing is imported.
    pub(super) async fn check_file(&self, image: &Image, name: &str, what: &str, node: &NodeName) -> Result<PathBuf, ProviderError> {
        let (source, _) = self.source(image, name, what, node)?;
        let path = source.path.clone();
        source.usable().await.map_err(|refused| refused.explain(what, node))?;
        Ok(path)
    }

    /// Opens the file of an image, where VirtualBox can use one here.
    fn source(&self, image: &Image, name: &str, what: &str, node: &NodeName) -> Result<(Source, Metadata), ProviderError> {
        let refuse = |why: String, next: &str| cannot(what, Some(node), why, next);
        if !matches!(self.manage.place(), Place::Here(_)) {
            let next = "Import it there by hand, take a snapshot, and name that machine in the layout's image";
            return Err(refuse(format!("the image {name} is a file, and VirtualBox runs on another machine"), next));
        }
        if image.arch != Arch::X86_64 {
            return Err(refuse(format!("the image {name} is for ARM"), "Make the machine by hand and name it in the layout's image"));
        }
        let folder = self.options.files.as_ref().map(|files| files.layout.clone()).unwrap_or_default();
        let opened = open_named(&folder, name).and_then(|named| {
            let about = named.file.metadata()?;
            Ok((named, about))
        });
        let (named, about) = opened.map_err(|error| {
            let next = "Download it, or write where it is: the name in the layout's image is relative to the layout";
            refuse(format!("the image {} cannot be read: {error}", folder.join(name).display()), next)
        })?;
        let source = Source { name: name.to_owned(), path: named.path, leaves: named.leaves, file: named.file, length: about.len() };
        Ok((source, about))
    }

    pub(super) async fn extra(&self, uuid: &str) -> Result<std::collections::BTreeMap<String, String>, CallError> {
        Ok(parse::extra_data(&self.manage.ask(&["getextradata", uuid, "enumerate"]).await?))
    }

    /// The machine of an image, where it is whole; what a crash has left of it goes.
    async fn whole_image(&self, base: &names::ImageMachine) -> Result<Option<String>, CallError> {
        let vms = parse::machines(&self.manage.ask(&["list", "vms"]).await?);
        let Some((_, uuid)) = vms.iter().find(|(name, uuid)| *name == base.name || *uuid == base.uuid) else {
            self.forget_disks(&base.name).await?;
            return Ok(None);
        };
        if self.extra(uuid).await?.get(names::IMAGE_KEY).is_some_and(|mark| *mark == base.name) {
            return Ok(Some(uuid.clone()));
        }
        let info = self.info(uuid).await?;
        if !info.groups.split(',').any(|group| group == names::IMAGES) {
            return Err(CallError::new(Kind::NameTaken, format!("a machine {} exists that is not Sandtable's", base.name)));
        }
        self.remove_image(uuid, &base.name).await?;
        Ok(None)
    }

    /// Says that this lab uses an image: whoever does is asked before it goes, also where only half of it is there.
    async fn use_image(&self, uuid: &str) -> Result<(), CallError> {
        let extra = self.extra(uuid).await?;
        self.set_extra(uuid, &extra, &names::uses_key(&self.lab), Some("yes")).await
    }

    async fn import_image(&self, base: &names::ImageMachine, ready: Ready, family: Family) -> Result<String, CallError> {
        let uuid = self.import_disk(base, &ready, family).await?;
        let taken = self.manage.call(&["snapshot", &uuid, "take", SNAPSHOT, "--description", "made by Sandtable"], Patience::Long).await;
        if !self.info(&uuid).await?.snapshots.iter().any(|there| there == SNAPSHOT) {
            return Err(taken.err().unwrap_or_else(|| CallError::new(Kind::Other, "its snapshot was taken and is not there")));
        }
        // Whoever has this mark is whole.
        self.set_extra(&uuid, &Default::default(), names::IMAGE_KEY, Some(&base.name)).await?;
        Ok(uuid)
    }

    async fn import_disk(&self, base: &names::ImageMachine, ready: &Ready, family: Family) -> Result<String, CallError> {
        let (name, uuid) = (base.name.as_str(), base.uuid.as_str());
        let make = ["createvm", "--name", name, "--uuid", uuid, "--ostype", system(family), "--groups", names::IMAGES, "--register"];
        self.manage.call(&make, Patience::Short).await?;
        self.use_image(uuid).await?;
        // Cloud images write to a serial port, and some wait for one.
        let settings = ["--memory", "1024", "--nic1", "nat", "--nictype1", "virtio", "--rtcuseutc", "on", "--graphicscontroller", "vmsvga"];
        let port = ["--uart1", "0x3F8", "4", "--uartmode1", "disconnected"];
        let firmware = ["--firmware", if ready.is_efi { "efi" } else { "bios" }];
        self.manage.call(&[["modifyvm", uuid].as_slice(), &settings, &port, &firmware].concat(), Patience::Short).await?;
        let controller = ["storagectl", uuid, "--name", "SATA", "--add", "sata", "--portcount", PORTS];
        self.manage.call(&controller, Patience::Short).await?;
        let disk = self.beside_settings(uuid, "disk.vdi").await?;
        let file = ready.staged.file.path().to_string_lossy().into_owned();
        if ready.staged.format == Format::Raw {
            self.manage.call(&["convertfromraw", &file, &disk, "--format", "VDI"], Patience::Copy).await?;
        } else {
            let clone = ["clonemedium", "disk", &file, &disk, "--format", "VDI"];
            let mut cloned = self.manage.call(&clone, Patience::Copy).await;
            // The user's VirtualBox may know the original: then the copy needs an identity of its own.
            if cloned.as_ref().is_err_and(|error| error.kind == Kind::NameTaken) {
                self.manage.call(&["internalcommands", "sethduuid", &file], Patience::Short).await?;
                cloned = self.manage.call(&clone, Patience::Copy).await;
            }
            // VirtualBox remembers what it has read from (seen with 7.2.22).
            let _not_known = self.manage.once(&["closemedium", "disk", &file], Patience::Short).await;
            cloned?;
        }
        let attach = ["storageattach", uuid, "--storagectl", "SATA", "--port", "0", "--device", "0", "--type", "hdd", "--medium", &disk];
        self.manage.call(&attach, Patience::Short).await?;
        Ok(uuid.to_owned())
    }

    /// A file's path beside a machine's settings.
    async fn beside_settings(&self, uuid: &str, file: &str) -> Result<String, CallError> {
        let settings = self.info(uuid).await?.settings_file;
        let folder = Path::new(&settings).parent().map(Path::to_owned).unwrap_or_default();
        Ok(folder.join(file).to_string_lossy().into_owned())
    }

    /// Makes a machine's seed and plugs it in. The host key in it is noted, so that no other is believed from the first contact on.
    pub(super) async fn plug_seed(&self, node: &NodeName, spec: &MachineSpec, info: &Info, uplink: Option<u32>) -> Result<(), CallError> {
        let words = |why: String| CallError::new(Kind::Other, why);
        let host_key = Pair::new().map_err(words)?;
        let secret = std::fs::read_to_string(self.made_login_file().map_err(words)?).map_err(|error| words(error.to_string()))?;
        let mut all = cards(spec);
        let uplink = uplink.and_then(|slot| info.nics.get(&slot));
        all.extend(uplink.map(|nic| super::seed::Card { mac: nic.mac, address: None, routes: Vec::new() }));
        let login = public_of(&secret).map_err(words)?;
        let hostname = if spec.hostname.is_empty() { node.as_str() } else { &spec.hostname };
        let seed = Seed {
            instance: &format!("{}-{}", info.uuid, names::digest(&host_key.public)),
            hostname,
            login: &login,
            host_key: &host_key,
            cards: &all,
        };
        let disk = seed.disk().map_err(|error| words(format!("the seed cannot be written: {error}")))?;
        let file = self.beside_settings(&info.uuid, SEED_FILE).await?;
        let length = BYTES.to_string();
        self.manage.feed(&["convertfromraw", "stdin", &file, &length, "--format", "VDI"], Patience::Long, disk).await?;
        let Some((controller, port, device)) = info.free_ports.first() else {
            return Err(words("the image has no free port for its seed".into()));
        };
        let (port, device) = (port.to_string(), device.to_string());
        let place = ["--storagectl", controller, "--port", &port, "--device", &device, "--type", "hdd", "--medium", &file];
        self.manage.call(&[["storageattach", &info.uuid].as_slice(), &place].concat(), Patience::Short).await?;
        let key = HostKey::parse(&host_key.public).ok_or_else(|| words("the host key cannot be read".into()))?;
        self.set_extra(&info.uuid, &Default::default(), names::HOST_KEYS_KEY, Some(&key.to_string())).await
    }

    /// Who logs in to a machine of this specification, with what, and for whom commands are run.
    pub(super) fn login(&self, spec: &MachineSpec) -> (String, LoginKey, Become) {
        match self.login_file() {
            Some(file) if is_seeded(spec) => (USER.to_owned(), LoginKey::File(file), Become::Root),
            _ => (self.options.user.clone(), self.options.key.clone(), self.options.becomes()),
        }
    }

    /// Where the lab's own key is, or would be.
    fn login_file(&self) -> Option<PathBuf> {
        self.options.files.as_ref().map(|files| files.state.path().join(LOGIN_FILE))
    }

    /// Why no machine of this specification that is there can be entered: its key is lost. What to do comes with it.
    pub(super) fn lost_login(&self, spec: &MachineSpec) -> Option<(String, &'static str)> {
        let file = self.login_file().filter(|file| is_seeded(spec) && !file.is_file())?;
        let why = format!("the lab's login key {} is missing, and nodes made from image files accept no other", file.display());
        Some((why, "Put the file back, or make the lab again: sandtable destroy LAYOUT, then sandtable deploy LAYOUT"))
    }

    /// The file of the lab's own key, made where it is not there yet.
    fn made_login_file(&self) -> Result<PathBuf, String> {
        let state = self.options.files.as_ref().map(|files| &files.state).ok_or("the lab has no state folder")?;
        let path = state.path().join(LOGIN_FILE);
        if path.is_file() {
            return Ok(path);
        }
        state.once(LOGIN_FILE, Pair::new()?.secret.as_bytes()).map_err(|error| error.to_string())
    }

    /// Removes images that nobody uses any more, once this lab's last machine has gone.
    pub(super) async fn leave_images(&self) -> Result<(), CallError> {
        let _alone = self.manage.alone().await;
        self.leave_images_alone().await
    }

    /// Likewise, for one who is alone with clones, imports and networks.
    pub(super) async fn leave_images_alone(&self) -> Result<(), CallError> {
        // Whoever removes something has looked; an import since then has forgotten what was seen.
        let seen = self.kept().listed.as_ref().map(|(vms, _)| parse::machines(vms));
        if seen.is_some_and(|vms| !vms.iter().any(|(name, _)| names::ImageMachine::is_name(name))) {
            return Ok(());
        }
        let vms = parse::machines(&self.manage.ask(&["list", "vms"]).await?);
        let images: Vec<&(String, String)> = vms.iter().filter(|(name, _)| names::ImageMachine::is_name(name)).collect();
        let prefix = names::uuid_prefix(&self.lab);
        if images.is_empty() || vms.iter().any(|(_, uuid)| uuid.starts_with(&prefix)) {
            return Ok(());
        }
        for (name, uuid) in images {
            let extra = match self.extra(uuid).await {
                Err(error) if error.kind == Kind::NotFound => continue,
                other => other?,
            };
            let own = names::uses_key(&self.lab);
            if !extra.contains_key(&own) {
                continue;
            }
            let others = extra.keys().any(|key| *key != own && key.starts_with(names::USES));
            let disks = parse::media(&self.manage.ask(&["list", "hdds"]).await?);
            let own_disks = media::in_folder(&names::image_folder(name), &disks);
            if others || media::dependent(&own_disks, &disks).is_some() {
                self.set_extra(uuid, &extra, &own, None).await?;
            } else {
                self.remove_image(uuid, name).await?;
            }
        }
        Ok(())
    }

    async fn remove_image(&self, uuid: &str, name: &str) -> Result<(), CallError> {
        let gone = self.manage.call(&["unregistervm", uuid, "--delete"], Patience::Long).await;
        self.forget_disks(name).await?;
        if parse::machines(&self.manage.ask(&["list", "vms"]).await?).iter().any(|(_, there)| there == uuid) {
            return Err(gone.err().unwrap_or_else(|| CallError::new(Kind::Other, "the image was deleted and is still there")));
        }
        Ok(())
    }

    /// Forgets the disks of an image that has no machine, and removes its folder.
    async fn forget_disks(&self, name: &str) -> Result<(), CallError> {
        let folder = names::image_folder(name);
        self.close_media_in(&folder).await?;
        self.remove_folder_at(&folder).await
    }
}

/// What to do where VirtualBox cannot read a file.
fn unreadable(path: &Path, error: ProviderError) -> ProviderError {
    let file = path.display();
    let next = format!(
        "See that it is a whole disk image or appliance. Where its format is too new for VirtualBox, convert it (package qemu-utils): \
         qemu-img convert -O vdi '{file}' IMAGE.vdi, and name that in the layout"
    );
    ProviderError { why: format!("{file} cannot be imported: {}", error.why), next, ..error }
}
