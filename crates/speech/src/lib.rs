//! Text to speech behind one trait: plain text or SSML in, linear audio out, as soon as the first of it exists.
