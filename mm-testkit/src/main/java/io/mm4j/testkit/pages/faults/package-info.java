// SPDX-License-Identifier: Apache-2.0

/**
 * Page allocators that are wrong on purpose, each by one small defect: the proof that the rules
 * catch something. None is a service.
 */
@NullMarked
package io.mm4j.testkit.pages.faults;

import org.jspecify.annotations.NullMarked;
