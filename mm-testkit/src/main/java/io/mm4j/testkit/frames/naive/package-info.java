// SPDX-License-Identifier: Apache-2.0

/**
 * The simplest correct frame allocators, as slow as they are short: what the faults are faults of,
 * and the floor below a page allocator under test.
 */
@NullMarked
package io.mm4j.testkit.frames.naive;

import org.jspecify.annotations.NullMarked;
