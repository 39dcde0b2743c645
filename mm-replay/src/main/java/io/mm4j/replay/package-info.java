// SPDX-License-Identifier: Apache-2.0

/** Recordings in, verdicts out. */
@NullMarked
package io.mm4j.replay;

import org.jspecify.annotations.NullMarked;
