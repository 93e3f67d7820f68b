//! A repository of the Hub: its list, a file of it as the Hub sends that, and a cache with both.

use idiolect_testkit::hub::sha256;
use serde_json::json;

use super::Good;

/// The repository's commit.
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// A file of it.
pub(crate) const HUB_FILE: &str = "data/a.bin";

const CONTENT: &[u8] = b"some content of a file";

impl Good {
    pub(super) fn hub(&self) {
        let (hash, size) = (sha256(CONTENT), CONTENT.len());
        let file = json!({"type": "file", "path": "config.json", "size": 2, "oid": "ab"});
        let large = json!({"type": "file", "path": HUB_FILE, "size": 130, "oid": "cd",
            "lfs": {"oid": hash, "size": size, "pointerSize": 130}, "xetHash": "ef"});
        let folder = json!({"type": "directory", "path": "data", "size": 0, "oid": "12"});
        self.json("hub/tree.json", &json!([file, large, folder]));
        self.json(
            "hub/revision.json",
            &json!({"id": "owner/name", "sha": COMMIT, "siblings": []}),
        );
        let head = format!(
            "HTTP/1.1 200 OK\r\nX-Repo-Commit: {COMMIT}\r\nX-Linked-Size: {size}\r\nX-Linked-Etag: \"{hash}\"\r\n\
             ETag: W/\"other\"\r\nContent-Length: {size}\r\n"
        );
        self.write("hub/head.txt", head);
        let redirect = "HTTP/1.1 302 Found\r\nLocation: /stored?Signature=of-the-address\r\nContent-Length: 0\r\n";
        self.write("hub/redirect.txt", redirect);
        self.write("hub/content.bin", CONTENT);
        let cache = "hub/cache/models--owner--name";
        self.write(&format!("{cache}/refs/main"), COMMIT);
        self.write(&format!("{cache}/snapshots/{COMMIT}/{HUB_FILE}"), CONTENT);
        let files = json!({"config.json": {"size": 2, "blob_id": "ab"},
            HUB_FILE: {"size": 130, "blob_id": "cd", "lfs_sha256": hash, "lfs_size": size}});
        let listing = json!({"format_version": 1, "files": files});
        self.json(&format!("{cache}/trees/{COMMIT}.json"), &listing);
    }
}
