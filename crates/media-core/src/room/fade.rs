//! Short fades, so that nothing begins or ends with a click.

/// Samples in which a voice comes in: 5 ms.
const FADE_IN: usize = 40;

/// Raises the beginning of a frame from nothing.
pub(crate) fn fade_in(frame: &mut [i16]) {
    for (n, sample) in frame.iter_mut().take(FADE_IN).enumerate() {
        *sample = scaled(*sample, n, FADE_IN);
    }
}

/// Lowers a frame to nothing.
pub(crate) fn fade_out(frame: &mut [i16]) {
    let length = frame.len();
    for (n, sample) in frame.iter_mut().enumerate() {
        *sample = scaled(*sample, length - 1 - n, length);
    }
}

/// What could follow a frame: the frame backwards, so that there is no step between the two.
pub(crate) fn mirror(frame: &mut [i16]) {
    frame.reverse();
}

fn scaled(sample: i16, numerator: usize, denominator: usize) -> i16 {
    // Never above the sample, so it fits.
    (i32::from(sample) * numerator as i32 / denominator as i32) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fades_begin_and_end_at_nothing_and_leave_the_rest_alone() {
        let mut frame = [i16::MIN; 160];
        fade_in(&mut frame);
        assert_eq!((frame[0], frame[20], frame[40], frame[159]), (0, -16384, i16::MIN, i16::MIN));
        fade_out(&mut frame);
        assert_eq!(frame[159], 0);
        assert!(frame.windows(2).skip(40).all(|pair| pair[0] <= pair[1]));
    }
}
