// SPDX-License-Identifier: Apache-2.0

/**
 * What two CPUs do at once, as jcstress tests: each boots or borrows a small machine ({@link
 * io.mm4j.stress.Box}), lets two threads work on it, and then looks whether anything is lost, held
 * twice or miscounted. Classes whose names begin with {@code Planted} hold a race on purpose; the
 * tool must find those.
 */
@NullMarked
package io.mm4j.stress;

import org.jspecify.annotations.NullMarked;
