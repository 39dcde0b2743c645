// SPDX-License-Identifier: Apache-2.0

/** Replays recordings of processes of any kind on one choice of plugins. */
@NullMarked
package io.mm4j.replay.process;

import org.jspecify.annotations.NullMarked;
