// SPDX-License-Identifier: Apache-2.0

/**
 * The simplest correct RAM, {@code mem_map} and boot allocators, as slow as they are short: what
 * the faults are faults of, and the floor below other plugins under test.
 */
@NullMarked
package io.mm4j.testkit.memory.naive;

import org.jspecify.annotations.NullMarked;
