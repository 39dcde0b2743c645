// SPDX-License-Identifier: Apache-2.0
/**
 * Recordings of a real kernel in, verdicts out: where recordings are found, and the one form of
 * verdict that every kind of recording ends in.
 */
@NullMarked
package io.mm4j.replay;

import org.jspecify.annotations.NullMarked;
