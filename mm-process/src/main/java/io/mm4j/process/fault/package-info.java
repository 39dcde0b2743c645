// SPDX-License-Identifier: Apache-2.0
/** What a touched address leads to: faults, stack growth, populating. */
@NullMarked
package io.mm4j.process.fault;

import org.jspecify.annotations.NullMarked;
