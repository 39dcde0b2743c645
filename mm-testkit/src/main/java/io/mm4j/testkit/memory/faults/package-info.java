// SPDX-License-Identifier: Apache-2.0

/**
 * Memories and boot allocators that are wrong on purpose, each by one small defect: the proof that
 * the rules catch something. None is a service.
 */
@NullMarked
package io.mm4j.testkit.memory.faults;

import org.jspecify.annotations.NullMarked;
