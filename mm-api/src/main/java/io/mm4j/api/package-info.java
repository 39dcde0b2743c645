// SPDX-License-Identifier: Apache-2.0

/** The machine as a whole: boot, CPUs, clock, locks, errors. */
@NullMarked
package io.mm4j.api;

import org.jspecify.annotations.NullMarked;
