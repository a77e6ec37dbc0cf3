//! Whatever the bytes, the reader neither panics nor half-loads: it gives problems with places inside the text, or a lab
//! that survives its own file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sandtable::layout::{positions, read, read_bytes, rewrite, write};
use sandtable::model::dangling;

fuzz_target!(|bytes: &[u8]| {
    match read_bytes(bytes) {
        Ok(lab) => {
            assert!(dangling(&lab).is_empty());
            let text = write(&lab);
            let again = read(&text).expect("what was written is read");
            assert_eq!(lab, again);
            assert_eq!(write(&again), text);
            let before = std::str::from_utf8(bytes).expect("a layout is text");
            assert_eq!(read(&rewrite(&lab, before)).expect("comments do no harm"), lab);
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            let text = String::from_utf8_lossy(bytes);
            let lines = text.split('\n').count();
            assert!(problems.iter().all(|problem| problem.place.line as usize <= lines && !problem.message.is_empty()));
            let _ = positions(&text);
        }
    }
});
