//! The world's file: its world, the moments at which it was saved, and each list of host names once.

use crate::{
    model::{HostLists, Hosts},
    sim::World,
};
use serde::{Deserialize, Serialize};

const VERSION: u32 = 2;
/// In files of this version each machine has its list of host names itself.
const VERSION_OWN_LISTS: u32 = 1;

#[derive(Serialize)]
struct FileOut<'a> {
    version: u32,
    wall_ms: u64,
    world_ms: u64,
    /// Lists of host names, and which of them each machine has: they would be most of a large world.
    hosts: (&'a [Hosts], &'a [u32]),
    world: &'a World,
}

#[derive(Deserialize)]
struct FileIn {
    version: u32,
    wall_ms: u64,
    world_ms: u64,
    #[serde(default)]
    hosts: Option<(Vec<Hosts>, Vec<u32>)>,
    world: World,
}

/// A world that was read.
pub(super) struct Saved {
    pub(super) wall_ms: u64,
    pub(super) world_ms: u64,
    pub(super) world: World,
}

/// The file of a world that is saved at a moment of the wall clock. The world is as before when it is written.
pub(super) fn write(world: &mut World, wall_ms: u64) -> Result<Vec<u8>, serde_json::Error> {
    let mut lists = HostLists::default();
    let numbers = lists.take(world.machines_mut());
    let hosts = (lists.lists(), numbers.as_slice());
    let bytes = serde_json::to_vec(&FileOut { version: VERSION, wall_ms, world_ms: world.now_ms(), hosts, world });
    lists.put(world.machines_mut(), &numbers);
    bytes
}

/// Reads a world's file. An error says what is wrong with it.
pub(super) fn read(bytes: &[u8]) -> Result<Saved, String> {
    let file: FileIn = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let mut world = file.world;
    let has_lists = match (file.version, file.hosts) {
        (VERSION_OWN_LISTS, None) => true,
        (VERSION, Some((lists, numbers))) => HostLists::of(lists).put(world.machines_mut(), &numbers),
        (VERSION_OWN_LISTS | VERSION, _) => false,
        (other, _) => return Err(format!("it was made by another version ({other}, this one is {VERSION})")),
    };
    if !has_lists {
        return Err("it is damaged: its lists of host names are not those of its machines".to_owned());
    }
    if !world.is_sound() {
        return Err("it is damaged: numbers in it lead nowhere or are out of range".to_owned());
    }
    Ok(Saved { wall_ms: file.wall_ms, world_ms: file.world_ms, world })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLIER: &[u8] = include_bytes!("../../../tests/earlier/sim-1.json");

    fn lists_of(world: &mut World) -> Vec<usize> {
        world.machines_mut().map(|machine| machine.hosts.len()).collect()
    }

    #[test]
    fn a_file_of_the_earlier_version_is_read_and_written_in_the_present_one() {
        let mut earlier = read(EARLIER).unwrap();
        assert_eq!(lists_of(&mut earlier.world), [3, 3, 3]);
        let bytes = write(&mut earlier.world, earlier.wall_ms).unwrap();
        assert_eq!(String::from_utf8_lossy(&bytes).matches("[\"192.168.59.51\",\"wheel\"]").count(), 1, "each list once");
        let mut again = read(&bytes).unwrap();
        assert_eq!((again.wall_ms, again.world_ms), (earlier.wall_ms, earlier.world_ms));
        let whole = |world: &World| serde_json::to_string(world).unwrap();
        assert_eq!(whole(&again.world), whole(&earlier.world), "the same world, and writing left it as it was");
        assert_eq!(write(&mut again.world, again.wall_ms).unwrap(), bytes);
    }

    #[test]
    fn a_file_whose_lists_do_not_fit_its_machines_is_refused() {
        let mut earlier = read(EARLIER).unwrap();
        let text = String::from_utf8(write(&mut earlier.world, 5).unwrap()).unwrap();
        let numbers = "]],[1,1,1]]";
        assert!(text.contains(numbers), "{}", &text[..400]);
        for wrong in ["]],[1,1]]", "]],[1,1,1,1]]", "]],[1,2,1]]"] {
            let why = read(text.replacen(numbers, wrong, 1).as_bytes()).err().unwrap();
            assert!(why.contains("lists of host names"), "{why}");
        }
        let why = read(text.replacen("\"version\":2", "\"version\":3", 1).as_bytes()).err().unwrap();
        assert!(why.contains("another version (3"), "{why}");
        assert!(read(text.replacen("\"version\":2", "\"version\":1", 1).as_bytes()).is_err());
    }
}
