//! What the tests with a real VirtualBox share: a VirtualBox of a test's own, images to clone, and a way to carry plans out as
//! far as it goes without starting machines.

pub mod emulated;
pub mod program;

use sandtable::{
    catalog::Catalog,
    model::{Lab, Observed, ObservedNetwork, ObservedNode},
    plan::{LabId, Step, desired, destroy, off, plan},
    provider::{
        ProviderError,
        machines::{Below, Machines},
        virtualbox::{Options, Place, VBoxManage, VirtualBox},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

/// A VirtualBox with its state in a folder of its own, ended with the test.
pub struct Bed {
    pub folder: tempfile::TempDir,
    pub home: PathBuf,
    pub manage: PathBuf,
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/virtualbox/bed")
}

fn bed_script(args: &[&str]) {
    let done = Command::new(script()).args(args).output().unwrap();
    assert!(done.status.success(), "bed {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// How often a bare call is tried while VirtualBox's service is ending: then nothing was done, and whoever calls would try again.
const BARE_TRIES: u32 = 20;
/// What VBoxManage says where an assertion of its own fails at its end (7.2.22, now and then): where it says nothing else, what it was
/// told is done by then.
const BROKEN_AT_ITS_END: &str = "illegal refcnt";

/// A call of a program in VBoxManage's place, as a script makes it; its output.
pub fn bare_call(program: &Path, args: &[&str]) -> String {
    let mut tries = 1;
    loop {
        let done = Command::new(program).args(args).env("LANG", "C.UTF-8").env("LC_ALL", "C.UTF-8").output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        let is_broken = said.contains(BROKEN_AT_ITS_END) && !said.contains("VBoxManage: error:");
        if is_broken && !matches!(args[0], "list" | "showvminfo" | "getextradata") {
            return String::from_utf8(done.stdout).unwrap();
        }
        if (is_broken || said.contains("Failed to create the VirtualBox object")) && tries < BARE_TRIES {
            tries += 1;
            std::thread::sleep(Duration::from_millis(500));
            continue;
        }
        assert!(done.status.success(), "{args:?}: {said}");
        return String::from_utf8(done.stdout).unwrap();
    }
}

impl Bed {
    /// A VirtualBox that has nothing.
    pub fn new() -> Self {
        Self::at_home("home")
    }

    /// Likewise, of a user whose home folder has this name.
    pub fn at_home(name: &str) -> Self {
        if let Ok(filter) = tracing_subscriber::EnvFilter::try_from_env("SANDTABLE_LOG") {
            let _already_set = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
        }
        let folder = tempfile::Builder::new().prefix("vbox-").tempdir().unwrap();
        let manage = folder.path().join("VBoxManage");
        bed_script(&["up"]);
        let home = folder.path().join(name);
        bed_script(&["wrapper", manage.to_str().unwrap(), home.to_str().unwrap()]);
        Self { folder, home, manage }
    }

    /// Ends its service; the next call starts it, and it reads all settings files.
    pub fn restart(&self) {
        bed_script(&["down", self.home.to_str().unwrap()]);
    }

    /// A host-only interface that was there before Sandtable came.
    pub fn interface(name: &str, address: &str) {
        bed_script(&["interface", name, address]);
    }

    /// A bare call; its output.
    pub fn call(&self, args: &[&str]) -> String {
        bare_call(&self.manage, args)
    }

    /// A machine to clone: a small disk, a NAT adapter with a forward that clones inherit, and a snapshot.
    pub fn image(&self, name: &str, snapshot: &str) {
        let disk = self.folder.path().join(format!("{name}.vdi"));
        let disk = disk.to_str().unwrap();
        self.call(&["createvm", "--name", name, "--ostype", "Debian_64", "--register"]);
        self.call(&["storagectl", name, "--name", "SATA", "--add", "sata", "--portcount", "1"]);
        self.call(&["createmedium", "disk", "--filename", disk, "--size", "64", "--format", "VDI"]);
        self.call(&["storageattach", name, "--storagectl", "SATA", "--port", "0", "--device", "0", "--type", "hdd", "--medium", disk]);
        self.call(&["modifyvm", name, "--nic1", "nat", "--nictype1", "virtio", "--natpf1", "ssh,tcp,127.0.0.1,2222,,22"]);
        self.call(&["snapshot", name, "take", snapshot]);
    }

    /// Everything that VirtualBox knows of and keeps on the disk: what must be the same before a lab and after it.
    pub fn inventory(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for list in ["vms", "hdds", "natnets", "hostonlyifs", "dhcpservers", "groups"] {
            let mut lines: Vec<String> = self.call(&["list", list]).lines().map(str::to_owned).collect();
            // The order of what VirtualBox lists is nobody's business.
            lines.sort();
            all.insert(list.to_owned(), lines.join("\n"));
        }
        all.insert("extra data".into(), self.call(&["getextradata", "global", "enumerate"]));
        all.insert("files".into(), files(&self.home.join("machines")).join("\n"));
        all
    }

    /// A lab here, driven by this VBoxManage or another program in its place.
    pub fn lab_with(&self, id: &LabId, program: &Path, limit: Duration) -> Arc<VirtualBox> {
        let options = Options { shutdown_limit: Duration::ZERO, ..Options::default() };
        Arc::new(VirtualBox::new(VBoxManage::at(Place::Here(program.to_owned()), limit), id.clone(), options))
    }

    /// A lab whose machines are reached with a key.
    pub fn lab_of(&self, id: &LabId, program: &Path, options: Options) -> Arc<VirtualBox> {
        Arc::new(VirtualBox::new(VBoxManage::at(Place::Here(program.to_owned()), Duration::from_secs(60)), id.clone(), options))
    }

    pub fn lab(&self, id: &LabId) -> Arc<VirtualBox> {
        self.lab_with(id, &self.manage, Duration::from_secs(60))
    }

    /// A program in VBoxManage's place that pretends that machines run once they were started: their state is shown so, and what
    /// is done to a running machine is done to its settings. For what comes after a start: reaching it.
    pub fn pretender(&self) -> PathBuf {
        let (file, on) = (self.folder.path().join("pretender"), self.folder.path().join("on"));
        fs::create_dir_all(&on).unwrap();
        let text = format!(
            r#"#!/bin/bash
real() {{ {} "$@"; }}
on={}/$2
case "$1 ${{3:-}}" in
    "startvm "*) touch "$on" ;;
    "showvminfo "*) if [ -e "$on" ]; then real "$@" | sed 's/^VMState="poweroff"/VMState="running"/'; else real "$@"; fi ;;
    "controlvm poweroff") rm -f "$on" ;;
    "controlvm setlinkstate"*) real modifyvm "$2" "--cableconnected${{3#setlinkstate}}" "$4" ;;
    "controlvm nic"*) real modifyvm "$2" "--$3" "$4" ;;
    "controlvm "*) ;;
    *) real "$@" ;;
esac
"#,
            self.manage.display(),
            on.display()
        );
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    /// A program in VBoxManage's place that records its calls, one line each.
    pub fn counter(&self) -> (Counter, PathBuf) {
        let (file, counted) = (self.folder.path().join("counting"), self.folder.path().join("counted"));
        let text = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$1 ${{2:-}} ${{3:-}}\" >>'{}'\nexec {} \"$@\"\n",
            counted.display(),
            self.manage.display()
        );
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        (Counter(counted), file)
    }

    /// A program in VBoxManage's place that says of all calls which begin with two words that they are done, and does nothing.
    pub fn liar(&self, words: &str) -> PathBuf {
        let file = self.folder.path().join("liar");
        let text = format!("#!/bin/bash\n[ \"$1 $2\" != '{words}' ] || exit 0\nexec {} \"$@\"\n", self.manage.display());
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    /// A program in VBoxManage's place that does with the `n`-th call what `instead` says (shell; `"$@"` are the arguments, `real`
    /// calls the true one).
    pub fn saboteur(&self, name: &str, n: u32, instead: &str) -> PathBuf {
        let (file, count) = (self.folder.path().join(name), self.folder.path().join(format!("{name}.count")));
        let _none = fs::remove_file(&count);
        let text = format!(
            "#!/bin/bash\nreal() {{ {} \"$@\"; }}\nexec 9>>'{1}'; flock 9; echo x >&9; n=$(wc -l <'{1}'); exec 9>&-\n\
             if [ \"$n\" -eq {n} ]; then {instead}; else exec {0} \"$@\"; fi\n",
            self.manage.display(),
            count.display()
        );
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }
}

/// How often VBoxManage was called.
pub struct Counter(PathBuf);

impl Counter {
    /// So far.
    pub fn count(&self) -> u32 {
        self.calls().len().try_into().unwrap()
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<String> {
        fs::read_to_string(&self.0).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let _best = Command::new(script()).args(["down", self.home.to_str().unwrap_or_default()]).output();
    }
}

/// All files and folders below a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        // VirtualBox keeps the last but one version of each settings file as it likes.
        if path.extension().is_none_or(|ending| ending != "vbox-prev") {
            all.push(path.display().to_string());
        }
        if path.is_dir() {
            all.extend(files(&path));
        }
    }
    all.sort();
    all
}

/// What the planner would be told of what is below the guests. Inside them nothing runs, and nothing is asked for.
pub fn observed(below: Below) -> Observed {
    let networks = below.networks.into_iter().map(|(name, spec)| (name, ObservedNetwork::of(spec))).collect();
    let node = |machine: sandtable::provider::machines::Machine| ObservedNode {
        power: machine.power,
        is_booting: machine.is_booting,
        reason: machine.trouble.unwrap_or_default(),
        spec: machine.spec,
        links_up: machine.links_up,
        snapshots: machine.snapshots,
        ..ObservedNode::default()
    };
    Observed { networks, nodes: below.machines.into_iter().map(|(name, machine)| (name, node(machine))).collect(), ..Observed::default() }
}

/// What is to be done so that a lab is as drawn.
pub async fn planned(lab: &Lab, id: &LabId, at: &Arc<VirtualBox>) -> Result<Vec<Step>, ProviderError> {
    let catalog = Catalog::embedded();
    let wanted = desired(lab, catalog, id);
    assert_eq!(wanted.unplannable, []);
    Ok(off(plan(lab, catalog, &wanted, &observed(at.look().await?))).steps)
}

/// Carries steps out, each as soon as what it waits for is done; those behind a failure are left out. Gives the failures.
pub async fn carry_out(steps: Vec<Step>, at: &Arc<VirtualBox>) -> Vec<ProviderError> {
    let (mut left, mut done, mut running, mut failures) = (steps, BTreeSet::new(), tokio::task::JoinSet::new(), Vec::new());
    loop {
        let (ready, later): (Vec<Step>, Vec<Step>) = left.into_iter().partition(|step| step.after.iter().all(|id| done.contains(id)));
        left = later;
        for step in ready {
            let at = Arc::clone(at);
            running.spawn(async move { (step.id, at.act(&step.action, &|_| {}).await) });
        }
        match running.join_next().await {
            Some(Ok((id, Ok(_)))) => drop(done.insert(id)),
            Some(Ok((_, Err(error)))) => failures.push(error),
            Some(Err(error)) => panic!("{error}"),
            None => return failures,
        }
    }
}

/// Makes a lab as drawn, as far as it goes without starting machines.
pub async fn deploy(lab: &Lab, id: &LabId, at: &Arc<VirtualBox>) -> Vec<ProviderError> {
    match planned(lab, id, at).await {
        Ok(steps) => carry_out(steps, at).await,
        Err(error) => vec![error],
    }
}

/// Removes all of a lab.
pub async fn remove(at: &Arc<VirtualBox>) -> Vec<ProviderError> {
    match at.look().await {
        Ok(below) => carry_out(off(destroy(&observed(below))).steps, at).await,
        Err(error) => vec![error],
    }
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

/// A machine's sshd without the machine: this one's, as root, seeing a copy of `/etc` that nobody else sees.
pub struct Guest {
    folder: tempfile::TempDir,
    child: std::process::Child,
}

impl Guest {
    /// Listens at these addresses; `None` with the reason printed where there is no sshd.
    pub fn new(at: &[&str], login: &Path) -> Option<Self> {
        if !Path::new("/usr/sbin/sshd").exists() {
            eprintln!("skipped: sshd is not installed (openssh-server)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().display().to_string();
        let listen: String = at.iter().map(|at| format!("ListenAddress {at}\n")).collect();
        let settings = format!(
            "{listen}HostKey /etc/ssh/ssh_host_ed25519_key\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nMaxStartups 100\n",
            login.display()
        );
        fs::write(folder.path().join("sshd_config"), settings).unwrap();
        // Instead of the services of this machine: the daemon of this guest is started anew.
        fs::write(folder.path().join("service"), format!("#!/bin/sh\ntouch {here}/restart\n")).unwrap();
        let script = format!(
            r#"set -e
cp -a /etc {here}/etc; rm -rf {here}/etc/ssh; mkdir -p {here}/etc/ssh /run/sshd; echo 0123456789abcdef0123456789abcdef >{here}/etc/machine-id
ssh-keygen -q -t ed25519 -N '' -C image -f {here}/etc/ssh/ssh_host_ed25519_key; cp {here}/etc/ssh/ssh_host_ed25519_key.pub {here}/image.pub
chmod +x {here}/service
mount --make-rprivate /; mount --bind {here}/etc /etc
for tool in /usr/sbin/service /usr/bin/systemctl; do if [ -e $tool ]; then mount --bind {here}/service $tool; fi; done
while :; do
    rm -f {here}/restart
    /usr/sbin/sshd -D -e -f {here}/sshd_config 2>>{here}/log & daemon=$!
    touch {here}/up
    while [ ! -e {here}/restart ] && kill -0 $daemon; do sleep 0.1; done
    kill $daemon 2>/dev/null; wait $daemon 2>/dev/null || true
done
"#
        );
        let child = Command::new("unshare").args(["--mount", "bash", "-c", &script]).process_group(0).spawn().unwrap();
        let guest = Self { folder, child };
        for _ in 0..200 {
            if guest.folder.path().join("up").exists() && std::net::TcpStream::connect(at[0]).is_ok() {
                return Some(guest);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{}", fs::read_to_string(guest.folder.path().join("log")).unwrap_or_default());
    }

    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder.path().join(file)).unwrap()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        let _best = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _reaped = self.child.wait();
    }
}
