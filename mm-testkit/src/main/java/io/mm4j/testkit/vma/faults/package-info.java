// SPDX-License-Identifier: Apache-2.0

/**
 * VMA indexes that are wrong on purpose, each by one small defect: the proof that the rules catch
 * something. None is a service.
 */
@NullMarked
package io.mm4j.testkit.vma.faults;

import org.jspecify.annotations.NullMarked;
