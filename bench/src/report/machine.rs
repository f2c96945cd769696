//! The machine that the figures are of.

use std::fs::read_to_string;
use std::process::Command;

/// Name and value.
pub type Fact = (&'static str, String);

/// What must be known to compare figures. Of a run that is about to begin: its load and its commit are those of now.
pub fn facts() -> Vec<Fact> {
    vec![
        ("CPU", field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned())),
        ("cores", cores().to_string()),
        ("L3", cache()),
        ("memory", field("/proc/meminfo", "MemTotal").unwrap_or_default()),
        ("kernel", line("/proc/sys/kernel/osrelease")),
        ("transparent huge pages", line("/sys/kernel/mm/transparent_hugepage/enabled")),
        ("hugetlb pages", line("/proc/sys/vm/nr_hugepages")),
        ("hypervisor", hypervisor()),
        ("load at start", line("/proc/loadavg")),
        ("compiler", output("rustc", &["-V"])),
        ("commit", output("git", &["describe", "--always", "--dirty"])),
    ]
}

/// A short name for file names.
pub fn name() -> String {
    let cpu = field("/proc/cpuinfo", "model name").unwrap_or_default();
    let text = format!("{} {} {} cores", std::env::consts::ARCH, cpu, cores());
    let mut name = String::new();
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() {
            name.push(letter.to_ascii_lowercase());
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
    name.trim_matches('-').to_owned()
}

/// Today, as in file names.
pub fn date() -> String {
    output("date", &["-u", "+%F"])
}

fn cores() -> usize {
    // Not what this thread may use: it may be pinned.
    let cpus = read_to_string("/proc/cpuinfo").unwrap_or_default();
    cpus.lines().filter(|line| line.starts_with("processor")).count()
}

fn cache() -> String {
    line("/sys/devices/system/cpu/cpu0/cache/index3/size")
}

fn hypervisor() -> String {
    let flags = field("/proc/cpuinfo", "flags").unwrap_or_default();
    if flags.split(' ').any(|flag| flag == "hypervisor") { "yes" } else { "no" }.to_owned()
}

fn line(path: &str) -> String {
    read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
