//! Promise: what exploring once found stays mended, a short campaign is sound, and whatever it finds is
//! made small without becoming something else.

mod campaign;
mod cases;
mod crashes;
mod small;
