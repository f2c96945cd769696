//! How much is measured.

/// A whole run, or a smoke run that proves nothing but that everything runs.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Rounds of each variant.
    pub rounds: usize,
    /// Rounds of each live variant.
    pub live_rounds: usize,
    /// Times the packet memory is gone through in a round.
    pub passes: usize,
    /// Frames of packet memory: 2 KiB each.
    pub frames: usize,
    /// Flows at most, whatever the case is called.
    pub flows: u32,
    /// Tables are filled once before anything is measured, so that all memory has been touched.
    pub warm: bool,
    /// Seconds of each live round.
    pub seconds: f64,
    /// Whether targets hold may be said.
    pub claim: bool,
}

impl Size {
    /// For figures.
    pub const WHOLE: Self = Self {
        rounds: 15,
        // Each takes seconds, and starts a sensor.
        live_rounds: 5,
        passes: 48,
        frames: 16_384,
        flows: u32::MAX,
        warm: true,
        seconds: 3.0,
        claim: true,
    };

    /// For knowing that it runs.
    pub const QUICK: Self = Self {
        rounds: 3,
        live_rounds: 3,
        passes: 2,
        frames: 1_024,
        flows: 4_096,
        warm: false,
        seconds: 0.2,
        claim: false,
    };

    /// A number of flows in this size, and how the case is called.
    pub fn flows(&self, flows: u32) -> (u32, String) {
        let name = match flows {
            1_000_000.. => format!("{} M flows", flows / 1_000_000),
            _ => format!("{} k flows", flows / 1_000),
        };
        if flows > self.flows {
            (self.flows, format!("{name} (quick: {})", self.flows))
        } else {
            (flows, name)
        }
    }
}
